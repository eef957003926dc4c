"""Mounting and unmounting whole trees. The plain calls are in `syscalls`."""

import errno
import os
import re
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from seaway.kernel import syscalls

PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


def mount_overlay(home: Path, target: Path, options: str) -> None:
    """Mount an overlay whose options may name directories relative to `home`, for the kernel takes one page of them.

    The working directory is the thread's own after unshare(CLONE_FS), so the process keeps its.
    """
    failure: list[BaseException] = []

    def work() -> None:
        try:
            syscalls.unshare(syscalls.CLONE_FS)
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


@dataclass(frozen=True, slots=True)
class MountInfo:
    """A line of /proc/self/mountinfo. `tags` are its propagation: `shared:1`, `master:2`."""

    mount_point: str
    tags: tuple[str, ...]
    fstype: str

    @property
    def is_shared(self) -> bool:
        return any(tag.startswith("shared:") for tag in self.tags)

    @property
    def is_slave(self) -> bool:
        return any(tag.startswith("master:") for tag in self.tags)


def parse_mountinfo(text: str) -> list[MountInfo]:
    found = []
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        words = before.split(" ")
        found.append(MountInfo(_unescaped(words[4]), tuple(words[6:]), after.split(" ", 1)[0]))
    return found


def _unescaped(word: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), word)


def read_mountinfo() -> list[MountInfo]:
    text = Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape")
    return parse_mountinfo(text)


def mount_holding(path: Path) -> MountInfo:
    """The mount that `path` lies on; of several at one place, the topmost."""
    mounts = {info.mount_point: info for info in read_mountinfo()}
    real = path.resolve()
    return next(mounts[str(place)] for place in (real, *real.parents) if str(place) in mounts)


def is_mounted(path: Path) -> bool:
    """Unlike `is_mount_point` this sees a bind of the same filesystem."""
    return any(info.mount_point == str(path) for info in read_mountinfo())


def bind(source: str, target: str) -> None:
    """`source` may be a descriptor's path, which no rename can change meanwhile."""
    syscalls.mount(source, target, "", syscalls.MS_BIND | syscalls.MS_REC)
