import gzip
import os
from pathlib import Path

import pytest

from seaway.kernel.tar import BadTar
from seaway.layers.tarinput import CHUNK, CountedInput, HashedSource
from seaway.oci.digest import sha256_of


def opened(path: Path, data: bytes, at: int = 0) -> int:
    path.write_bytes(data)
    fd = os.open(path, os.O_RDONLY)
    os.lseek(fd, at, os.SEEK_SET)
    return fd


def test_a_part_of_a_file(tmp_path: Path) -> None:
    content = os.urandom(3 * CHUNK)
    source = HashedSource(CountedInput(opened(tmp_path / "archive", b"before" + content + b"behind", 6), len(content)))
    assert source.read(4 * CHUNK) == content
    assert source.read(1) == b""
    assert source.digest() == sha256_of(content)


def test_a_compressed_part_of_a_file(tmp_path: Path) -> None:
    blob = gzip.compress(b"tar")
    source = HashedSource(CountedInput(opened(tmp_path / "archive", b"before" + blob + b"behind", 6), len(blob)))
    assert source.read(10) == b"tar"


def test_a_bomb_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(32 * CHUNK))
    source = HashedSource(CountedInput(opened(tmp_path / "bomb", bomb)), limit=lambda taken: 100 * taken)
    with pytest.raises(BadTar, match=f"^decompression bomb: more than {100 * len(bomb)} bytes unpacked$"):
        while source.read(CHUNK):
            continue
