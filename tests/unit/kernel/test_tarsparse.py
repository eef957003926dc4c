import io
import subprocess
from pathlib import Path

import pytest

from seaway.kernel import tarsparse
from seaway.kernel.tar import BadTar, TarReader


def sparse_file(path: Path, runs: int) -> bytes:
    with open(path, "wb") as file:
        for run in range(runs):
            file.seek(run * 131072 + 65536)
            file.write(b"%07d\n" % run * 512)
        file.truncate(runs * 131072 + 262144)
    return path.read_bytes()


@pytest.mark.parametrize("form", ["gnu", "posix"])
@pytest.mark.parametrize("runs", [0, 1, 3, 4, 5, 26, 60])
def test_gnu_tar_s_sparse_members(tmp_path: Path, form: str, runs: int) -> None:
    content = sparse_file(tmp_path / "s", runs)
    argv = ["tar", "-S", f"--format={form}", "-cf", "-", "-C", str(tmp_path), "s"]
    stream = io.BytesIO(subprocess.run(argv, check=True, capture_output=True).stdout)
    entry = TarReader(stream.read, sparse=True).next_entry()
    assert entry is not None
    assert (entry.name, entry.kind, entry.real_size) == (b"s", b"0", len(content))
    assert entry.sparse is not None
    laid_out = bytearray(entry.real_size)
    for offset, length in entry.sparse:
        laid_out[offset : offset + length] = stream.read(length)
    assert laid_out == content


def test_sparse_members_are_refused_where_nobody_lays_them_out(tmp_path: Path) -> None:
    sparse_file(tmp_path / "s", 2)
    argv = ["tar", "-S", "-cf", "-", "-C", str(tmp_path), "s"]
    stream = io.BytesIO(subprocess.run(argv, check=True, capture_output=True).stdout)
    with pytest.raises(BadTar, match="sparse files in a layer are not supported"):
        TarReader(stream.read).next_entry()


@pytest.mark.parametrize(
    ("pairs", "stored", "real"),
    [(((0, 5), (3, 2)), 7, 10), (((0, -5),), -5, 10), (((8, 5),), 5, 10), (((0, 5),), 4, 10)],
)
def test_maps_that_lie(pairs: tarsparse.SparseMap, stored: int, real: int) -> None:
    with pytest.raises(ValueError, match="sparse map"):
        tarsparse.checked(pairs, stored, real)
