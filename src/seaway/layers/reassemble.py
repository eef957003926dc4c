"""The process that gives a layer's tar back, byte for byte: chrooted into the layer, it joins files and tar-split.

    python -m seaway.layers.reassemble OUT_FD ROOT SPLIT_FD [COUNT_FD]

Every file's CRC is checked on the way; a layer that was changed on disk ends in exit code 1, never in a wrong tar.
With COUNT_FD the tar is gzipped, and that file always holds how many of its bytes were (8 bytes, little-endian).
It imports little, for it is started once per layer.
"""

import os
import sys
from collections.abc import Iterator

import fastcrc
from isal import igzip_lib

from seaway.layers.tarout import GzipOut, TarOut
from seaway.layers.tarsplit import FileContent, Segment, decode_entry

CHUNK = 1 << 20


class Corrupt(ValueError):
    pass


def lines_of(split_fd: int) -> Iterator[bytes]:
    """The tar-split's lines. Raises ValueError where it is no whole gzip stream."""
    stream = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
    rest = b""
    while not stream.eof:
        data = os.read(split_fd, CHUNK) if stream.needs_input else b""
        if stream.needs_input and not data:
            raise Corrupt("unexpected EOF")
        *lines, rest = (rest + stream.decompress(data, CHUNK)).split(b"\n")
        yield from lines
    if rest:
        yield rest


def write_content(entry: FileContent, out: TarOut) -> None:
    fd = os.open(entry.name.lstrip(b"/"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        crc, missing = 0, entry.size
        while missing and (chunk := os.read(fd, min(CHUNK, missing))):
            crc = fastcrc.crc64.go_iso(chunk, crc)
            missing -= len(chunk)
            out.write(chunk)
    finally:
        os.close(fd)
    if missing or crc != entry.crc:
        raise Corrupt(f'file integrity checksum failed for "{os.fsdecode(entry.name)}"')


def write_tar(root: str, split_fd: int, out: TarOut) -> None:
    lines = lines_of(split_fd)
    os.chroot(root)
    os.chdir("/")
    for line in lines:
        entry = decode_entry(line)
        if isinstance(entry, Segment):
            out.write(entry.data)
        elif entry.crc is not None:
            write_content(entry, out)


def main(argv: list[str]) -> int:
    out, root, split_fd = int(argv[0]), argv[1], int(argv[2])
    try:
        tar = GzipOut(out, int(argv[3])) if argv[3:] else TarOut(out)
        write_tar(root, split_fd, tar)
        tar.close()
    except BrokenPipeError:
        return 0
    except (ValueError, OSError, EOFError, igzip_lib.IsalError) as exc:  # type: ignore[misc]  # the stub has an instance
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
