"""Paths inside a container's root: resolved by the kernel, which lets no link and no `..` lead out of it."""

import ctypes
import errno
import os
import struct

from seaway.kernel.syscalls import libc, oserror

RESOLVE_IN_ROOT = 0x10
RESOLVE_NO_MAGICLINKS = 0x02
_OPENAT2 = 437  # the same number on every architecture
_RETRIES = 16


def open_in_root(root: int, path: str, flags: int, mode: int = 0) -> int:
    """`root` is a descriptor of a directory that stands for `/`. EAGAIN, a rename under way, is tried again."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    encoded = os.fsencode(path)
    for _ in range(_RETRIES):
        fd: int = libc.syscall(_OPENAT2, root, ctypes.c_char_p(encoded), how, len(how))
        if fd >= 0:
            return fd
        if (failure := oserror("openat2", path)).errno != errno.EAGAIN:
            raise failure
    raise failure


def make_directories(root: int, path: str, mode: int = 0o755) -> None:
    """What is missing of `path`, owned by root. Raises NotADirectoryError where something else is on the way."""
    done = "/"
    for name in filter(None, os.path.normpath("/" + path).split("/")):
        parent = open_in_root(root, done, os.O_PATH | os.O_DIRECTORY)
        done = f"{done.rstrip('/')}/{name}"
        try:
            _make_one(root, parent, done, name, mode)
        finally:
            os.close(parent)


def _make_one(root: int, parent: int, path: str, name: str, mode: int) -> None:
    try:
        os.close(open_in_root(root, path, os.O_PATH | os.O_DIRECTORY))
    except FileNotFoundError:
        os.mkdir(name, mode, dir_fd=parent)
        fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        os.fchmod(fd, mode)  # whatever the umask
        os.close(fd)
