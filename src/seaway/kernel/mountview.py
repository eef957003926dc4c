"""A directory with mounts laid over it that nobody else sees: in a mount namespace that lives as long as the view.

The thread that builds it leaves the engine's namespace and ends; what stays are two descriptors. Paths are resolved
below `root` with `paths.open_in_root`, which crosses those mounts, from any thread.
"""

import ctypes
import os
import stat
import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seaway.kernel import mount, paths, syscalls

_MOUNT_SETATTR = 442
_AT_EMPTY_PATH, _AT_RECURSIVE, _MOUNT_ATTR_RDONLY = 0x1000, 0x8000, 0x1


@dataclass(frozen=True, slots=True)
class ViewMount:
    """`destination` is made where it is missing, as dockerd does."""

    source: str
    destination: str
    read_only: bool = False


class MountView:
    """Blocking, `close` too. Raises OSError."""

    def __init__(self, rootfs: Path, mounts: Iterable[ViewMount], *, read_only_root: bool = False) -> None:
        self.root = self._namespace = -1
        failure: list[BaseException] = []

        def work() -> None:
            try:
                self._build(rootfs, mounts, read_only_root=read_only_root)
            except BaseException as exc:
                failure.append(exc)

        builder = threading.Thread(target=work, name="mount view")
        builder.start()
        builder.join()
        if failure:
            self.close()
            raise failure[0]

    def close(self) -> None:
        for fd in (self.root, self._namespace):
            if fd >= 0:
                os.close(fd)
        self.root = self._namespace = -1

    def is_on_root(self, fd: int) -> bool:
        """Whether it lies on the root filesystem itself, on none of the mounts."""
        return _mount_id(fd) == _mount_id(self.root)

    def _build(self, rootfs: Path, mounts: Iterable[ViewMount], *, read_only_root: bool) -> None:
        syscalls.unshare(syscalls.CLONE_NEWNS)
        syscalls.mount("", "/", "", syscalls.MS_REC | syscalls.MS_PRIVATE)
        self._namespace = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        if read_only_root:
            mount.bind(str(rootfs), str(rootfs))  # a mount of its own, whatever the storage driver
        self.root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        for wanted in mounts:
            self._mount(wanted)
        if read_only_root:
            _make_read_only(self.root, ".", recursive=False)

    def _mount(self, wanted: ViewMount) -> None:
        is_directory = stat.S_ISDIR(os.stat(wanted.source).st_mode)
        target = _open_target(self.root, wanted.destination, directory=is_directory)
        try:
            mount.bind(wanted.source, paths.by_descriptor(target))
        finally:
            os.close(target)
        if wanted.read_only:
            _make_read_only(self.root, wanted.destination)


def _open_target(root: int, path: str, *, directory: bool) -> int:
    if directory:
        return paths.make_directories(root, path)
    with suppress(FileNotFoundError):
        return paths.open_in_root(root, path)
    parent, _, base = path.rstrip("/").rpartition("/")
    folder = paths.make_directories(root, parent)
    try:
        with suppress(FileExistsError):
            os.close(os.open(base, os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o755, dir_fd=folder))
    finally:
        os.close(folder)
    return paths.open_in_root(root, path)


def _make_read_only(root: int, path: str, *, recursive: bool = True) -> None:
    """With the mounts below it, on Linux 5.12 and newer."""
    fd = paths.open_in_root(root, path)
    attributes = (ctypes.c_uint64 * 4)(_MOUNT_ATTR_RDONLY, 0, 0, 0)
    flags = _AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0)
    try:
        if syscalls.libc.syscall(_MOUNT_SETATTR, fd, b"", flags, attributes, ctypes.sizeof(attributes)) < 0:
            remount = syscalls.MS_REMOUNT | syscalls.MS_BIND | syscalls.MS_RDONLY
            syscalls.mount("", paths.by_descriptor(fd), "", remount)
    finally:
        os.close(fd)


def _mount_id(fd: int) -> str:
    lines = Path(f"/proc/self/fdinfo/{fd}").read_text().splitlines()
    return next(line for line in lines if line.startswith("mnt_id:"))
