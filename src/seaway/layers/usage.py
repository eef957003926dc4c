"""How much a directory holds, and on what it lies."""

import os
import stat
from pathlib import Path

_NAMES = {"ext2/ext3": "extfs", "ext4": "extfs", "ext3": "extfs", "ext2": "extfs"}


def disk_usage(path: Path) -> int:
    """Bytes in files, a hard link counted once. Follows no symlink, for the tree belongs to a container."""
    total = 0
    seen: set[tuple[int, int]] = set()
    for _, _, files, directory_fd in os.fwalk(path, follow_symlinks=False):
        for name in files:
            try:
                found = os.stat(name, dir_fd=directory_fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISREG(found.st_mode):
                continue
            if found.st_nlink > 1:
                if (found.st_dev, found.st_ino) in seen:
                    continue
                seen.add((found.st_dev, found.st_ino))
            total += found.st_size
    return total


def filesystem_name(path: Path) -> str:
    """The filesystem's name as dockerd shows it."""
    device = os.stat(path).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    with open("/proc/self/mountinfo") as mounts:
        for line in mounts:
            if line.split(" ", 3)[2] == wanted:
                kind = line.rpartition(" - ")[2].split(" ", 1)[0]
                return _NAMES.get(kind, kind)
    return "<unknown>"
