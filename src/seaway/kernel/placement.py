"""Where on a disk a tree lies.

ext4 does not use an inode again for minutes after its file was removed, and looks for a free one from the beginning of
a block group each time. So in the group that a large tree was removed from, every new file costs a look at each of the
removed ones. A tree that begins elsewhere does not meet them.
"""

import fcntl
import os
import secrets
import struct
from pathlib import Path

_GETFLAGS, _SETFLAGS = 0x80086601, 0x40086602
_TOPDIR = 0x00020000  # "the top of directory hierarchies": what is made in it is spread over the block groups


def make_directory_apart(path: Path) -> None:
    """In groups that few directories use. Where the filesystem has no groups, or does not let itself be told, it is
    made like any other."""
    _spread(path.parent)
    first = path.with_name(f".tmp-{path.name}{secrets.token_hex(8)}")  # the name decides where the search begins
    first.mkdir()
    os.rename(first, path)


def _spread(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = struct.unpack("=l", fcntl.ioctl(fd, _GETFLAGS, bytes(4)))[0]
        fcntl.ioctl(fd, _SETFLAGS, struct.pack("=l", flags | _TOPDIR))
    except OSError:
        pass  # it knows no such flag
    finally:
        os.close(fd)
