"""Headers of every dialect, and what is no header."""

import io
import tarfile

import pytest

from seaway.kernel.tar import BadTar, TarEntry, TarReader, parse_number, parse_pax, parse_pax_time
from suites.tars import make_tar, member


def entries(data: bytes) -> list[TarEntry]:
    stream = io.BytesIO(data)
    reader = TarReader(stream.read)
    found = []
    while entry := reader.next_entry():
        found.append(entry)
        stream.read(entry.size + entry.padding)
    return found


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_fields_in_every_dialect(form: int) -> None:
    (entry,) = entries(make_tar(member("a/b", data=b"hello", uid=10, gid=20, mode=0o4755), form=form))
    assert (entry.name, entry.kind, entry.size, entry.padding) == (b"a/b", b"0", 5, 507)
    assert (entry.uid, entry.gid, entry.mode) == (10, 20, 0o4755)
    assert entry.mtime_ns // 1_000_000_000 == 1_700_000_000


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_long_names_and_big_numbers(form: int) -> None:
    name = "d/" * 100 + "f"
    (entry,) = entries(make_tar(member(name, uid=1 << 31, linkname="t" * 200, kind=tarfile.SYMTYPE), form=form))
    assert (entry.name.decode(), entry.uid, entry.link) == (name, 1 << 31, b"t" * 200)


def test_ustar_prefix() -> None:
    name = "p" * 120 + "/" + "n" * 80
    (entry,) = entries(make_tar(member(name), form=tarfile.USTAR_FORMAT))
    assert entry.name.decode() == name


def test_raw_headers_and_tail_are_every_byte() -> None:
    data = make_tar(member("a" * 150), member("b"))
    stream = io.BytesIO(data)
    reader = TarReader(stream.read)
    raw = b""
    while entry := reader.next_entry():
        raw += entry.raw
    assert raw + reader.tail + stream.read() == data


def test_xattrs_and_times_of_pax() -> None:
    (entry,) = entries(make_tar(member("a", pax_headers={"SCHILY.xattr.user.x": "v", "atime": "5.5"})))
    assert entry.xattrs == {b"user.x": b"v"}
    assert (entry.atime_ns, entry.mtime_ns) == (5_500_000_000, 1_700_000_000_250_000_000)


def test_old_directory_by_its_slash() -> None:
    (entry,) = entries(make_tar(member("d/", kind=tarfile.AREGTYPE), form=tarfile.GNU_FORMAT))
    assert entry.kind == b"5"


@pytest.mark.parametrize(("raw", "value"), [(b"0000644\0", 0o644), (b"  17 \0  ", 0o17), (b"\0" * 8, 0)])
def test_octal_numbers(raw: bytes, value: int) -> None:
    assert parse_number(raw) == value


@pytest.mark.parametrize(("raw", "value"), [(b"\x80" + bytes(6) + b"\x07", 7), (b"\xff" * 8, -1)])
def test_binary_numbers(raw: bytes, value: int) -> None:
    assert parse_number(raw) == value


@pytest.mark.parametrize(
    ("text", "ns"), [(b"1.5", 1_500_000_000), (b"7", 7_000_000_000), (b"-1.25", -1_250_000_000), (b".5", 500_000_000)]
)
def test_pax_times(text: bytes, ns: int) -> None:
    assert parse_pax_time(text) == ns


@pytest.mark.parametrize("data", [b"5 a=", b"x a=b\n", b"6 ab\n\n", b"99 a=b\n", b"0 a=b\n"])
def test_malformed_pax_records(data: bytes) -> None:
    with pytest.raises(BadTar):
        parse_pax(data)


@pytest.mark.parametrize(
    "data",
    [
        b"x" * 512,
        make_tar(member("a"))[:100],
        make_tar(member("a", pax_headers={"comment": "c" * 2_000_000})),
        make_tar(member("a", pax_headers={"size": "-5"})),
        make_tar(member("a", pax_headers={"size": "many"})),
        make_tar(member("a", pax_headers={"mtime": "today"})),
        make_tar(member("a", pax_headers={"GNU.sparse.major": "1"})),
    ],
    ids=["no header", "cut", "huge header", "negative size", "size no number", "time no number", "sparse"],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(BadTar):
        entries(data)
