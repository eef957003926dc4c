"""The process that makes a layer of what a container changed: read, hashed, and laid down again in one pass.

    python -m seaway.layers.snapshot ROOT SPLIT_FD overlay|plain ID_MAP UPPER          an upper directory of overlayfs
    python -m seaway.layers.snapshot ROOT SPLIT_FD overlay|plain ID_MAP TREE PARENT    what TREE has beyond PARENT
      ->  {"diff_id": "sha256:…", "size": 123}

The layer is what it would be if its tar had been loaded: each header is made, and then read as a tar's. The process
chroots into the layer's directory ROOT; what it reads it has opened before. On failure: exit code 1, reason on stderr.
"""

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator

from seaway.base.idmap import parse_id_map
from seaway.kernel.tar import BadTar, TarEntry, TarReader
from seaway.layers.hashing import StreamHash
from seaway.layers.intake import FAILURES, Intake, failure_text
from seaway.layers.pack import Packer
from seaway.layers.splitwriter import SplitWriter
from seaway.layers.tarheader import END
from seaway.layers.unpack import Unpacker


class HashedIntake:
    """Takes the entries of a tar that exists nowhere."""

    def __init__(self, intake: Intake) -> None:
        self._intake, self._hash = intake, StreamHash()

    def add(self, header: bytes, content: Iterable[bytes]) -> None:
        self._hash.put(header)
        entry = _parsed(header)
        self._intake.add(entry, self._hashed(content))
        self._between(bytes(entry.padding))

    def finish(self) -> str:
        """Gives the digest."""
        self._between(END)
        self._intake.finish()
        return self._hash.digest()

    def _hashed(self, content: Iterable[bytes]) -> Iterator[bytes]:
        for piece in content:
            self._hash.put(piece)
            yield piece

    def _between(self, data: bytes) -> None:
        self._hash.put(data)
        self._intake.between(data)


def _parsed(header: bytes) -> TarEntry:
    entry = TarReader(io.BytesIO(header).read).next_entry()
    if entry is None:
        raise BadTar("archive/tar: invalid tar header")
    return entry


def main(argv: list[str]) -> int:
    root, split_fd, whiteouts, id_map, *trees = argv
    try:
        ids = parse_id_map(id_map)
        tree, *parents = (os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC) for path in trees)
        os.chroot(root)
        os.chdir("/")
        intake = Intake(SplitWriter(int(split_fd)), Unpacker(overlay=whiteouts == "overlay", owner=ids.root), ids)
        out = HashedIntake(intake)
        packer = Packer(out.add, ids)
        if parents:
            packer.difference(tree, parents[0])
        else:
            packer.overlay(tree)
        diff_id = out.finish()
    except FAILURES as exc:
        print(failure_text(exc), file=sys.stderr)
        return 1
    sys.stdout.buffer.write(json.dumps({"diff_id": diff_id, "size": intake.size}).encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
