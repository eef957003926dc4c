"""The init layer, between image and container: the places where the engine mounts its own files, empty.

What lies on the way in the image and is no directory goes (a symlink `/etc/hosts` would lead the mount elsewhere).
The layer is filled without mounting it, by looking up in the layers below what overlayfs would show: to unmount an
overlay that was writable syncs the whole filesystem under it.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

DIRECTORIES = ("dev/pts", "dev/shm", "proc", "sys")
FILES = (".dockerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname", "dev/console")
LINKS = {"etc/mtab": "/proc/mounts"}
_OPAQUE = "trusted.overlay.opaque"


def set_up_init_layer(layer: Path, below: Sequence[Path], owner: tuple[int, int]) -> None:
    """`below` are the layers under it, nearest first; none for a driver whose layers are full copies. What is made
    belongs to `owner`."""
    for name in DIRECTORIES:
        if not find_directory(below, name):
            _make_directories(layer, below, name, owner)
    for name in FILES:
        if path := _cleared_place(layer, below, name, owner):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755)
            os.fchmod(fd, 0o755)
            os.fchown(fd, *owner)
            os.close(fd)
    for name, target in LINKS.items():
        if path := _cleared_place(layer, below, name, owner):
            os.symlink(target, path)
            os.chown(path, *owner, follow_symlinks=False)


def find_directory(layers: Sequence[Path], name: str) -> list[Path]:
    """Where overlayfs merges the directory from, nearest first; nothing when it shows none there."""
    places = list(layers)
    for part in name.split("/") if name else ():
        places = _merged(places, part)
    return places


def _merged(parents: Sequence[Path], name: str) -> list[Path]:
    found: list[Path] = []
    for parent in parents:
        path = parent / name
        try:
            mode = os.lstat(path).st_mode
        except FileNotFoundError:
            continue
        if not stat.S_ISDIR(mode):
            break
        found.append(path)
        with suppress(OSError):
            if os.getxattr(path, _OPAQUE) == b"y":
                break
    return found


def _cleared_place(layer: Path, below: Sequence[Path], name: str, owner: tuple[int, int]) -> Path | None:
    """Where to put a file, or None: what the image has there is a directory, and stays."""
    parent, _, _ = name.rpartition("/")
    _make_directories(layer, below, parent, owner)
    path = layer / name
    if find_directory(below, name) or _is_directory(path):
        return None
    path.unlink(missing_ok=True)
    return path


def _make_directories(layer: Path, below: Sequence[Path], name: str, owner: tuple[int, int]) -> None:
    """In the layer itself; one that the image has keeps its mode, owner and attributes."""
    path, shown = layer, list(below)
    for part in name.split("/") if name else ():
        path, shown = path / part, _merged(shown, part)
        if _is_directory(path):
            continue
        path.unlink(missing_ok=True)
        path.mkdir()
        if shown:
            _copy_attributes(shown[0], path)
        else:
            path.chmod(0o755)
            os.chown(path, *owner)


def _copy_attributes(source: Path, target: Path) -> None:
    found = source.stat()
    os.chown(target, found.st_uid, found.st_gid)
    for name in os.listxattr(source):
        if not name.startswith("trusted.overlay."):
            with suppress(OSError):
                os.setxattr(target, name, os.getxattr(source, name))
    target.chmod(stat.S_IMODE(found.st_mode))
    os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns))


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
