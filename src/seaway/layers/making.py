"""Making one file of a layer, and giving it what its tar entry says. For a process that has chrooted there."""

import contextlib
import errno
import os
import shutil
import stat
from collections.abc import Callable
from typing import TypeVar

from seaway.kernel import tar
from seaway.kernel.tar import TarEntry

T = TypeVar("T")
_IGNORED = (errno.EOPNOTSUPP, errno.EPERM)


def write_to(fd: int, data: memoryview, path: bytes) -> int:
    try:
        return os.write(fd, data)
    except OSError as exc:
        raise OSError(exc.errno, exc.strerror, path) from exc


def make(path: bytes, owner: tuple[int, int], create: Callable[[], T]) -> T:
    """`create`, after making room: a missing parent is made, and what lies there already is replaced."""
    for _ in range(2):
        try:
            return create()
        except FileExistsError:
            remove(path)
        except FileNotFoundError:
            make_directories(os.path.dirname(path) or b".", owner)
    return create()


def make_directories(path: bytes, owner: tuple[int, int]) -> None:
    if os.path.isdir(path):
        return
    make_directories(os.path.dirname(path) or b".", owner)
    with contextlib.suppress(FileExistsError):
        os.mkdir(path, 0o755)
        os.chown(path, *owner)


def make_node(path: bytes, entry: TarEntry) -> None:
    kinds = {tar.CHAR: stat.S_IFCHR, tar.BLOCK_DEVICE: stat.S_IFBLK, tar.FIFO: stat.S_IFIFO}
    os.mknod(path, kinds[entry.kind] | (entry.mode & 0o777), os.makedev(entry.major, entry.minor))


def remove(path: bytes) -> None:
    try:
        os.unlink(path)
    except IsADirectoryError:
        shutil.rmtree(path)
    except FileNotFoundError:
        pass


def set_times(target: bytes | int, entry: TarEntry) -> None:
    mtime = max(entry.mtime_ns, 0)
    times = (max(entry.atime_ns or 0, mtime), mtime)
    if isinstance(target, int):
        os.utime(target, ns=times)
    else:
        os.utime(target, ns=times, follow_symlinks=False)


def set_xattrs(target: bytes | int, entry: TarEntry) -> None:
    for name, value in entry.xattrs.items():
        if name.startswith(b"trusted.overlay."):
            continue
        try:
            if isinstance(target, int):
                os.setxattr(target, name, value)
            else:
                os.setxattr(target, name, value, follow_symlinks=False)
        except OSError as exc:
            if exc.errno not in _IGNORED:
                raise
