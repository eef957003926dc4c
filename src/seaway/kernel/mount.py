"""Mounting and unmounting whole trees. The plain calls are in `syscalls`."""

import errno
import os
import threading
from contextlib import suppress
from pathlib import Path

from seaway.kernel import syscalls

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")
CLONE_FS = 0x00000200


def mount_overlay(home: Path, target: Path, options: str) -> None:
    """Mount an overlay whose options may name directories relative to `home`, for the kernel takes one page of them.

    The working directory is the thread's own after unshare(CLONE_FS), so the process keeps its.
    """
    failure: list[BaseException] = []

    def work() -> None:
        try:
            syscalls.unshare(CLONE_FS)
            os.chdir(home)
            syscalls.mount("overlay", str(target), "overlay", 0, options)
        except BaseException as exc:
            failure.append(exc)

    thread = threading.Thread(target=work, name="mount")
    thread.start()
    thread.join()
    if failure:
        raise failure[0]


def is_mount_point(path: Path) -> bool:
    """Of another filesystem than its parent; a bind of the same one is not seen."""
    return os.path.ismount(path)


def unmount(path: Path) -> None:
    """Also when a process still has files open there, and when nothing is mounted."""
    with suppress(FileNotFoundError):
        try:
            syscalls.umount2(str(path), syscalls.MNT_DETACH | syscalls.UMOUNT_NOFOLLOW)
        except OSError as exc:
            if exc.errno != errno.EINVAL:
                raise
