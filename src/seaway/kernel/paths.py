"""Paths inside a directory that nothing below it can lead out of: openat2(RESOLVE_IN_ROOT) resolves in the kernel,
so a symbolic link that changes meanwhile is followed inside the root or not at all.
"""

import ctypes
import errno
import os
import stat

from seaway.kernel.syscalls import libc, oserror

_OPENAT2 = 437
RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH, RESOLVE_IN_ROOT = 0x02, 0x04, 0x08, 0x10
DIRECTORY = os.O_RDONLY | os.O_DIRECTORY
HANDLE = os.O_PATH
_TRIES = 1024
MAX_LINKS = 255

_syscall = libc.syscall
_syscall.restype = ctypes.c_long


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def openat2(directory: int, path: str | bytes, flags: int, mode: int, resolve: int) -> int:
    how = _OpenHow(flags | os.O_CLOEXEC, mode, resolve)
    fd: int = _syscall(_OPENAT2, directory, os.fsencode(path), ctypes.byref(how), ctypes.sizeof(how))
    if fd < 0:
        raise oserror("openat2", os.fsdecode(path))
    return fd


def open_in_root(root: int, path: str | bytes, flags: int = HANDLE, mode: int = 0) -> int:
    """A descriptor of `path` as if the directory `root` were /. The kernel asks to try again (EAGAIN) where
    a directory above was moved while it looked for `..`."""
    for _ in range(_TRIES):
        try:
            return openat2(root, path or ".", flags, mode, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        except OSError as exc:
            if exc.errno != errno.EAGAIN:
                raise
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), os.fsdecode(path))


def open_beneath(root: int, path: str, flags: int = HANDLE) -> int:
    """Like `open_in_root`, but what leads out of the root is refused (EXDEV), an absolute link too."""
    for _ in range(_TRIES):
        try:
            return openat2(root, path or ".", flags, 0, RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
        except OSError as exc:
            if exc.errno != errno.EAGAIN:
                raise
    raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN), path)


def by_descriptor(fd: int) -> str:
    """A path for calls that take no descriptor (mount, setxattr). It leads to that very file."""
    return f"/proc/self/fd/{fd}"


def make_directories(root: int, path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> int:
    """Like mkdir -p inside `root`; the descriptor (O_PATH) of the last directory. Raises NotADirectoryError."""
    current = open_in_root(root, ".", HANDLE | os.O_DIRECTORY)
    done = ""
    for name in filter(None, path.split("/")):
        done = f"{done}/{name}"
        try:
            following = _open_or_make(root, current, name, done, mode, owner)
        finally:
            os.close(current)
        current = following
    return current


def _open_or_make(root: int, parent: int, name: str, path: str, mode: int, owner: tuple[int, int]) -> int:
    try:
        return open_in_root(root, path, HANDLE | os.O_DIRECTORY)
    except FileNotFoundError:
        if name in (".", ".."):
            raise
    try:
        os.mkdir(name, mode, dir_fd=parent)
        made = os.open(name, DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        os.fchmod(made, mode)  # whatever the umask
        if owner != (0, 0):
            os.fchown(made, *owner)
        os.close(made)
    except FileExistsError:
        pass  # somebody else made it, or it is a link that leads nowhere
    return open_in_root(root, path, HANDLE | os.O_DIRECTORY)


def evaluate(root: int, path: str) -> str:
    """The absolute path inside `root` once every link is followed. What does not exist is taken as it is: for display,
    and never for access."""
    done: list[str] = []
    left = [name for name in reversed(path.split("/")) if name]
    links = 0
    while left:
        name = left.pop()
        if name in (".", ".."):
            del done[len(done) - (name == "..") :]
            continue
        target = _link_target(root, "/".join([*done, name]))
        if target is None:
            done.append(name)
            continue
        links += 1
        if links > MAX_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
        if target.startswith("/"):
            done = []
        left += [part for part in reversed(target.split("/")) if part]
    return "/" + "/".join(done)


def _link_target(root: int, path: str) -> str | None:
    try:
        fd = open_in_root(root, path, HANDLE | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        return os.readlink("", dir_fd=fd) if stat.S_ISLNK(os.fstat(fd).st_mode) else None
    finally:
        os.close(fd)
