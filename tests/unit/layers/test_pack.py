import os
from pathlib import Path

from seaway.layers.pack import CHUNK, content_of


def test_a_file_that_shrinks_or_grows_meanwhile_gives_what_its_header_says(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"text")
    fd = os.open(tmp_path / "f", os.O_RDONLY)
    assert b"".join(content_of(fd, 3)) == b"tex"
    pieces = list(content_of(fd, CHUNK + 10))
    assert b"".join(pieces) == b"t" + bytes(CHUNK + 9)
    assert max(map(len, pieces)) <= CHUNK
    os.close(fd)
