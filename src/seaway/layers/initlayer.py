"""The init layer, between image and container: the places where the engine mounts its own files, empty.

What lies on the way in the image and is no directory goes (a symlink `/etc/hosts` would lead the mount elsewhere).
"""

import os
from contextlib import suppress
from pathlib import Path

DIRECTORIES = ("dev/pts", "dev/shm", "proc", "sys")
FILES = (".dockerenv", "etc/resolv.conf", "etc/hosts", "etc/hostname", "dev/console")
LINKS = {"etc/mtab": "/proc/mounts"}


def set_up_init_layer(root: Path) -> None:
    for name in DIRECTORIES:
        _make_directories(_cleared(root, name))
    for name in FILES:
        path = _cleared(root, name)
        _make_directories(path.parent)
        with suppress(FileExistsError, IsADirectoryError):
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755)
            os.fchmod(fd, 0o755)
            os.close(fd)
    for name, target in LINKS.items():
        path = _cleared(root, name)
        _make_directories(path.parent)
        with suppress(FileExistsError):
            os.symlink(target, path)


def _cleared(root: Path, name: str) -> Path:
    path = root
    for part in name.split("/"):
        path = path / part
        with suppress(FileNotFoundError, IsADirectoryError):
            os.unlink(path)
    return path


def _make_directories(path: Path) -> None:
    if not path.is_dir():
        _make_directories(path.parent)
        path.mkdir()
        path.chmod(0o755)
