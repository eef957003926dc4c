"""`docker diff`: what a container's layer changes of the layers below it, as dockerd compares them.

An entry differs by its kind, mode, owner, device or capabilities; a file by its size and time too (a directory's say
nothing). A directory with a change inside is listed as modified, before it. Mount points' contents are not in the
layer, so they are not seen.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path

_OPAQUE, _CAPABILITY = "trusted.overlay.opaque", "security.capability"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Kind(IntEnum):
    MODIFIED = 0
    ADDED = 1
    DELETED = 2


@dataclass(frozen=True, slots=True)
class Change:
    path: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class _Below:
    """An entry of the layers below: the one that shows, and, of a directory, those that are merged in it."""

    status: os.stat_result
    path: Path
    merged: tuple[Path, ...] = ()


def layer_changes(layer: Path, below: list[Path], *, is_whole: bool) -> list[Change]:
    """Blocks. `below`: nearest first. `is_whole`: the layer is a full tree (vfs), where what is missing is deleted."""
    with _opened(layer) as root:
        return list(_inside(root, "", tuple(below), is_whole=is_whole))


def _inside(directory: int, path: str, below: tuple[Path, ...], *, is_whole: bool) -> Iterator[Change]:
    """Of a directory that the container may change meanwhile: names are looked up in it, and no link is followed."""
    names = sorted(os.listdir(directory))
    for name in names:
        try:
            status = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except FileNotFoundError:
            continue
        yield from _entry(directory, name, status, f"{path}/{name}", _find(below, name), is_whole=is_whole)
    if is_whole or _has_opaque(f"/proc/self/fd/{directory}"):
        gone = _names(below) - set(names)
        yield from (Change(f"{path}/{name}", Kind.DELETED) for name in sorted(gone))


def _entry(
    directory: int, name: str, status: os.stat_result, path: str, old: _Below | None, *, is_whole: bool
) -> Iterator[Change]:
    if _is_whiteout(status):
        if old:
            yield Change(path, Kind.DELETED)
        return
    if not stat.S_ISDIR(status.st_mode):
        if old is None or _differs(status, old.status) or _capability_differs(directory, name, old.path):
            yield Change(path, Kind.MODIFIED if old else Kind.ADDED)
        if old:
            yield from (Change(f"{path}/{child}", Kind.DELETED) for child in sorted(_names(old.merged)))
        return
    try:
        with _opened(name, directory) as opened:
            inside = list(_inside(opened, path, old.merged if old else (), is_whole=is_whole))
    except (FileNotFoundError, NotADirectoryError):
        return  # the container changed it just now
    if old is None:
        yield Change(path, Kind.ADDED)
    elif inside or _differs(status, old.status):
        yield Change(path, Kind.MODIFIED)
    yield from inside


def _find(below: tuple[Path, ...], name: str) -> _Below | None:
    shown: _Below | None = None
    merged: list[Path] = []
    for directory in below:
        path = directory / name
        try:
            status = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        if _is_whiteout(status) or (shown and not stat.S_ISDIR(status.st_mode)):
            break
        shown = shown or _Below(status, path)
        if not stat.S_ISDIR(status.st_mode):
            break
        merged.append(path)
        if _has_opaque(path):
            break
    return _Below(shown.status, shown.path, tuple(merged)) if shown else None


def _names(below: tuple[Path, ...]) -> set[str]:
    listed = {name for directory in below for name in os.listdir(directory)}
    return {name for name in listed if _find(below, name)}


def _differs(new: os.stat_result, old: os.stat_result) -> bool:
    if (new.st_mode, new.st_uid, new.st_gid, new.st_rdev) != (old.st_mode, old.st_uid, old.st_gid, old.st_rdev):
        return True
    return not stat.S_ISDIR(new.st_mode) and (new.st_size, new.st_mtime_ns) != (old.st_size, old.st_mtime_ns)


def _capability_differs(directory: int, name: str, old: Path) -> bool:
    return _xattr(f"/proc/self/fd/{directory}/{name}", _CAPABILITY) != _xattr(old, _CAPABILITY)


def _is_whiteout(status: os.stat_result) -> bool:
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == 0


def _has_opaque(directory: Path | str) -> bool:
    return _xattr(directory, _OPAQUE, follow=True) == b"y"


def _xattr(path: Path | str, name: str, *, follow: bool = False) -> bytes:
    try:
        return os.getxattr(path, name, follow_symlinks=follow)
    except OSError:
        return b""  # it has none, or the filesystem knows none


@contextmanager
def _opened(path: Path | str, directory: int | None = None) -> Iterator[int]:
    fd = os.open(path, _DIRECTORY, dir_fd=directory)
    try:
        yield fd
    finally:
        os.close(fd)
