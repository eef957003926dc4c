"""System calls that Python 3.11 lacks. Two lines each, and errno is never lost."""

import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)

CLONE_FS = 0x00000200
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET, CLONE_NEWCGROUP = 0x10000000, 0x20000000, 0x40000000, 0x02000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT = 1, 2, 4, 8, 32
MS_BIND, MS_MOVE, MS_REC, MS_UNBINDABLE = 4096, 8192, 16384, 1 << 17
MS_PRIVATE, MS_SLAVE, MS_SHARED = 1 << 18, 1 << 19, 1 << 20
MNT_FORCE, MNT_DETACH, UMOUNT_NOFOLLOW = 1, 2, 8

PR_SET_CHILD_SUBREAPER = 36

_mount = libc.mount
_mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


def oserror(call: str, *paths: str) -> OSError:
    code = ctypes.get_errno()
    return OSError(code, f"{call}: {os.strerror(code)}", *paths[:1])


def mount(source: str, target: str, fstype: str, flags: int = 0, data: str = "") -> None:
    encoded = (os.fsencode(source), os.fsencode(target), fstype.encode(), flags, os.fsencode(data))
    if _mount(*encoded) < 0:
        raise oserror("mount", target)


def umount2(path: str, flags: int = 0) -> None:
    if libc.umount2(os.fsencode(path), flags) < 0:
        raise oserror("umount2", path)


def unshare(flags: int) -> None:
    if libc.unshare(flags) < 0:
        raise oserror("unshare")


def setns(fd: int, nstype: int = 0) -> None:
    if libc.setns(fd, nstype) < 0:
        raise oserror("setns")


def prctl(option: int, arg: int) -> None:
    if libc.prctl(option, arg, 0, 0, 0) < 0:
        raise oserror("prctl")
