"""Writing files so that a crash leaves the old content or the new, never a piece.

`replace_file`: temp file in the same directory, fsync, rename, fsync of the directory. `replace_file_lazily`
skips the fsyncs, for state that a restart can derive.
"""

import os
import secrets
import shutil
from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int = 0o600, *, durable: bool = True) -> None:
    temp = path.with_name(f".tmp-{path.name}{secrets.token_hex(4)}")
    fd = os.open(temp, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        os.fchmod(fd, mode)
        write_all(fd, data)
        if durable:
            os.fsync(fd)
    except BaseException:
        os.close(fd)
        os.unlink(temp)
        raise
    os.close(fd)
    os.rename(temp, path)
    if durable:
        fsync_directory(path.parent)


def replace_file_lazily(path: Path, data: bytes, mode: int = 0o600) -> None:
    replace_file(path, data, mode, durable=False)


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def fsync_directory(path: Path) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fsync_tree(directory: Path) -> None:
    """A directory with plain files in it, before the rename that commits it: one flush of the disk for all."""
    for entry in (*directory.iterdir(), directory):
        fd = os.open(entry, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def move_to_trash(path: Path, trash: Path) -> Path | None:
    """One rename takes a tree out of sight; `empty_trash` frees its space later. None where there was nothing."""
    trash.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = trash / f"{path.name}-{secrets.token_hex(6)}"
    try:
        os.rename(path, target)
    except FileNotFoundError:
        return None
    return target


def empty_trash(trash: Path) -> None:
    """The folder stays: somebody may be moving a tree there."""
    for path in trash.iterdir() if trash.is_dir() else ():
        remove(path)


def remove(path: Path) -> None:
    """A file or a tree, of that as much as can be. Absent is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
