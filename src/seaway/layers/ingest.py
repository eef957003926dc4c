"""The process that takes one layer in: it chroots into the layer's directory and unpacks there, in a single pass.

    python -m seaway.layers.ingest ROOT TAR_FD SPLIT_FD overlay|plain ID_MAP [SIZE]
      ->  {"diff_id": "sha256:…", "size": 123}

It reads TAR_FD from where that is, to its end or SIZE bytes.
Beside the files it makes the tar-split (gzipped, to SPLIT_FD), and hashes the stream in a thread of its own. A gzip,
zstd, bzip2 or xz stream is decompressed on the way, a bomb refused; the diff ID is always the tar's. On failure: exit
code 1 (the tar's fault) or 2 (the host's), and the reason on stderr.
"""

import json
import os
import sys

from seaway.base.idmap import parse_id_map
from seaway.kernel.tar import BadTar, TarReader
from seaway.layers.intake import FAILURES, Intake, failure_code, failure_text
from seaway.layers.splitwriter import SplitWriter
from seaway.layers.tarinput import CHUNK, CountedInput, HashedSource
from seaway.layers.unpack import Unpacker


def take_in(source: HashedSource, intake: Intake) -> None:
    reader = TarReader(source.read)
    while (entry := reader.next_entry()) is not None:
        intake.add(entry, source.pieces(entry.size))
        padding = source.read(entry.padding)
        if len(padding) < entry.padding:
            raise BadTar("unexpected EOF")
        intake.between(padding)
    intake.between(reader.tail)
    while rest := source.read(CHUNK):
        intake.between(rest)
    intake.finish()


def main(argv: list[str]) -> int:
    root, tar_fd, split_fd, whiteouts, id_map, *size = argv
    ids = parse_id_map(id_map)
    try:
        tar = CountedInput(int(tar_fd), *map(int, size))
        source, split = HashedSource(tar), SplitWriter(int(split_fd))
        os.chroot(root)
        os.chdir("/")
        intake = Intake(split, Unpacker(overlay=whiteouts == "overlay", owner=ids.root), ids)
        take_in(source, intake)
    except FAILURES as exc:
        print(failure_text(exc), file=sys.stderr)
        return failure_code(exc)
    sys.stdout.buffer.write(json.dumps({"diff_id": source.digest(), "size": intake.size}).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
