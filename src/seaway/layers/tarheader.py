"""Headers of a tar that is written here: plain ustar where that can say it, PAX records before it where not.

Whole seconds and no names of users, as dockerd writes them: the same tree gives the same bytes.
"""

import os
import tarfile
from collections.abc import Mapping
from struct import Struct

from seaway.kernel import tar

BLOCK = 512
END = bytes(2 * BLOCK)
_USTAR = Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12s")
_SPACES = b" " * 8
_LARGEST_ID, _LARGEST_SIZE, _NAME_LIMIT = 0o7777777, 0o77777777777, 100


def encode_header(
    name: bytes,
    kind: bytes,
    mode: int,
    uid: int,
    gid: int,
    mtime: int,
    size: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
    xattrs: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """`kind` is one of `kernel.tar`'s. A directory's name ends in a slash."""
    is_plain = (
        not xattrs
        and len(name) <= _NAME_LIMIT
        and len(link) <= _NAME_LIMIT
        and name.isascii()
        and link.isascii()
        and uid <= _LARGEST_ID
        and gid <= _LARGEST_ID
        and size <= _LARGEST_SIZE
        and 0 <= mtime <= _LARGEST_SIZE
        and max(device) <= _LARGEST_ID
    )
    if not is_plain:
        return _with_records(name, kind, mode, uid, gid, mtime, size, link, device, xattrs or {})
    fields = (
        name,
        b"%07o\0" % mode,
        b"%07o\0" % uid,
        b"%07o\0" % gid,
        b"%011o\0" % size,
        b"%011o\0" % mtime,
        _SPACES,
        kind,
        link,
        b"ustar\0",
        b"00",
        b"",
        b"",
        b"%07o\0" % device[0],
        b"%07o\0" % device[1],
        b"",
        b"",
    )
    block = _USTAR.pack(*fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


def _with_records(
    name: bytes,
    kind: bytes,
    mode: int,
    uid: int,
    gid: int,
    mtime: int,
    size: int,
    link: bytes,
    device: tuple[int, int],
    xattrs: Mapping[bytes, bytes],
) -> bytes:
    info = tarfile.TarInfo(os.fsdecode(name).rstrip("/"))
    info.type, info.mode, info.uid, info.gid, info.size = kind, mode, uid, gid, size
    info.mtime, info.linkname = mtime, os.fsdecode(link)
    info.devmajor, info.devminor = device
    info.pax_headers = {f"SCHILY.xattr.{os.fsdecode(key)}": os.fsdecode(value) for key, value in xattrs.items()}
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


KINDS = {0o100000: tar.REGULAR, 0o040000: tar.DIRECTORY, 0o120000: tar.SYMLINK, 0o020000: tar.CHAR}
KINDS |= {0o060000: tar.BLOCK_DEVICE, 0o010000: tar.FIFO}
"""By the file type of `st_mode`. A socket has none."""
