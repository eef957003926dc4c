import io
import tarfile

import pytest

from seaway.kernel import tar, tarwriter


def member(data: bytes) -> tarfile.TarInfo:
    with tarfile.open(fileobj=io.BytesIO(data + tarwriter.END), mode="r:", encoding="utf-8") as archive:
        return archive.getmembers()[0]


def test_a_plain_header_has_no_pax_records() -> None:
    block = tarwriter.header(b"etc/", tar.DIRECTORY, mode=0o40755, mtime_s=1792828427)
    assert len(block) == 512
    assert block[100:108] == b"0040755\0"
    assert block[257:265] == b"ustar\x0000"
    read = member(block)
    assert (read.name, read.isdir(), read.mtime) == ("etc", True, 1792828427)


@pytest.mark.parametrize("length", [*range(85, 115), 990, 991, 999, 5000])
def test_names_of_every_length(length: int) -> None:
    name = b"d/" + b"n" * (length - 2)
    assert member(tarwriter.header(name)).name == name.decode()


def test_what_ustar_has_no_room_for() -> None:
    read = member(
        tarwriter.header(
            b"\xff\xfe",
            tar.SYMLINK,
            uid=3_000_000,
            gid=4_000_000,
            mtime_s=-5,
            link="ä".encode(),
            xattrs={b"security.capability": b"\x01\x00\n="},
        )
    )
    assert read.name == "\udcff\udcfe"
    assert (read.uid, read.gid, read.mtime, read.linkname) == (3_000_000, 4_000_000, -5, "ä")
    assert read.pax_headers["SCHILY.xattr.security.capability"] == "\x01\x00\n="
    big = tar.TarReader(io.BytesIO(tarwriter.header(b"big", size=9 << 30)).read).next_entry()
    assert big is not None
    assert big.size == 9 << 30


def test_our_own_reader_agrees() -> None:
    data = tarwriter.header(b"dir/\xff" + b"x" * 200, mode=0o4755, uid=7, size=3, mtime_s=12) + b"abc" + bytes(509)
    entry = tar.TarReader(io.BytesIO(data + tarwriter.END).read).next_entry()
    assert entry is not None
    assert (entry.name, entry.mode, entry.uid, entry.size) == (b"dir/\xff" + b"x" * 200, 0o4755, 7, 3)
    assert entry.mtime_ns == 12_000_000_000
