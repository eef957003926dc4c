import io
import tarfile

import pytest

from seaway.kernel import tar
from seaway.layers.tarheader import END, encode_header


def read(data: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(data + END)) as archive:
        return archive.getmembers()[0]


def test_a_plain_one_is_one_block() -> None:
    header = encode_header(b"a/b", tar.SYMLINK, 0o777, 1, 2, 1_700_000_000, link=b"c")
    found = read(header)
    assert len(header) == 512
    assert (found.name, found.linkname, found.mode, found.uid, found.gid, found.mtime) == (
        "a/b", "c", 0o777, 1, 2, 1_700_000_000,
    )  # fmt: skip


@pytest.mark.parametrize("name", [b"d/" * 80 + b"f", "naïve".encode(), b"\xff\xfe"])
def test_names_that_need_records(name: bytes) -> None:
    assert read(encode_header(name, tar.REGULAR, 0o644, 0, 0, 0)).name.encode("utf-8", "surrogateescape") == name


def test_numbers_that_need_records() -> None:
    found = read(encode_header(b"d/", tar.DIRECTORY, 0o755, 1 << 30, 1 << 31, 5))
    assert (found.uid, found.gid, found.isdir()) == (1 << 30, 1 << 31, True)


def test_devices_and_attributes() -> None:
    found = read(encode_header(b"z", tar.CHAR, 0o666, 0, 0, 0, device=(1, 5)))
    assert (found.devmajor, found.devminor) == (1, 5)
    held = {b"security.capability": b"\x01\0\0\x02\xff"}
    found = read(encode_header(b"f", tar.REGULAR, 0o755, 0, 0, 0, xattrs=held))
    value = found.pax_headers["SCHILY.xattr.security.capability"]
    assert value.encode("utf-8", "surrogateescape") == b"\x01\0\0\x02\xff"
