"""The process that gives a layer's tar back, byte for byte: chrooted into the layer, it joins files and tar-split.

    python -m seaway.layers.reassemble OUT_FD ROOT SPLIT_FD

Every file's CRC is checked on the way; a layer that was changed on disk ends in exit code 1, never in a wrong tar.
"""

import os
import sys

import fastcrc
from isal import igzip

from seaway.layers.tarsplit import FileContent, Segment, decode_entry

CHUNK = 1 << 20


class Corrupt(ValueError):
    pass


def write_content(entry: FileContent, out: int) -> None:
    fd = os.open(entry.name.lstrip(b"/"), os.O_RDONLY | os.O_CLOEXEC)
    try:
        crc, missing = 0, entry.size
        while missing and (chunk := os.read(fd, min(CHUNK, missing))):
            crc = fastcrc.crc64.go_iso(chunk, crc)
            missing -= len(chunk)
            write_all(out, chunk)
    finally:
        os.close(fd)
    if missing or crc != entry.crc:
        raise Corrupt(f'file integrity checksum failed for "{os.fsdecode(entry.name)}"')


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def main(argv: list[str]) -> int:
    out, root, split_fd = int(argv[0]), argv[1], int(argv[2])
    try:
        with igzip.IGzipFile(fileobj=open(split_fd, "rb"), mode="rb") as lines:
            os.chroot(root)
            os.chdir("/")
            for line in lines:
                entry = decode_entry(line)
                if isinstance(entry, Segment):
                    write_all(out, entry.data)
                elif entry.crc is not None:
                    write_content(entry, out)
    except BrokenPipeError:
        return 0
    except (ValueError, OSError, EOFError) as exc:
        print(exc, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
