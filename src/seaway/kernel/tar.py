"""Reads tar streams entry by entry and keeps every byte of their headers: ustar, GNU long names, PAX.

It decides what a header means, once; unpacking and tar-split both follow it, so they cannot disagree. It does not
judge names: whoever unpacks does, inside a root that it cannot leave.
"""

from collections.abc import Callable
from struct import Struct
from typing import NamedTuple

from seaway.kernel import tarsparse
from seaway.kernel.tarsparse import SparseMap

BLOCK = 512
MAX_METADATA = 1 << 20
MAX_HEADERS = 32
REGULAR, HARDLINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO = b"0", b"1", b"2", b"3", b"4", b"5", b"6"
_FIELDS = Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12s")
_ZERO = bytes(BLOCK)


class BadTar(ValueError):
    """The bytes are no tar, or end too early."""


class TarEntry(NamedTuple):
    """One member. `raw` is its header with the PAX and long name blocks before it; times are nanoseconds. `sparse` says
    where the `size` bytes that follow belong in a file of `real_size`; None: one after the other."""

    raw: bytes
    name: bytes
    kind: bytes
    size: int
    mode: int
    uid: int
    gid: int
    mtime_ns: int
    atime_ns: int | None
    link: bytes
    major: int
    minor: int
    xattrs: dict[bytes, bytes]
    sparse: SparseMap | None = None
    real_size: int = 0

    @property
    def padding(self) -> int:
        return -self.size % BLOCK


def parse_number(raw: bytes) -> int:
    """Octal text, or GNU's base-256 when the first bit is set."""
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big", signed=True) if raw[0] == 0xFF else int.from_bytes(raw[1:], "big")
        return value
    text = raw.split(b"\0", 1)[0].strip(b" ")
    try:
        return int(text, 8) if text else 0
    except ValueError as exc:
        raise BadTar("archive/tar: invalid tar header") from exc


def parse_pax(data: bytes) -> dict[bytes, bytes]:
    records: dict[bytes, bytes] = {}
    at = 0
    while at < len(data) and data[at]:
        space = data.find(b" ", at, at + 20)
        length = int(data[at:space]) if space > at and data[at:space].isdigit() else 0
        end = at + length
        if not length or end > len(data) or data[end - 1 : end] != b"\n":
            raise BadTar("archive/tar: invalid tar header")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals:
            raise BadTar("archive/tar: invalid tar header")
        records[key] = value
        at = end
    return records


def parse_pax_time(text: bytes) -> int:
    """`1700000000.25` -> nanoseconds."""
    try:
        seconds, _, fraction = text.decode("ascii").partition(".")
        nanos = int((fraction + "000000000")[:9])
        whole = int(seconds or "0") * 1_000_000_000
    except ValueError as exc:
        raise BadTar("archive/tar: invalid tar header") from exc
    return whole - nanos if seconds.startswith("-") else whole + nanos


def _checked(block: bytes) -> tuple[bytes, ...]:
    fields: tuple[bytes, ...] = _FIELDS.unpack(block)
    total = sum(block) - sum(fields[6]) + 8 * 32
    if parse_number(fields[6]) != total:
        raise BadTar("archive/tar: invalid tar header")
    return fields


def _text(raw: bytes) -> bytes:
    return raw.split(b"\0", 1)[0]


class TarReader:
    """`read(n)` returns exactly n bytes, or fewer at the end of the stream. After each `next_entry` the caller
    consumes `entry.size` bytes and `entry.padding` more. `tail` has the end blocks once `next_entry` gave None.
    Sparse members are refused unless the caller says that it lays them out."""

    def __init__(self, read: Callable[[int], bytes], *, sparse: bool = False) -> None:
        self._read, self._sparse = read, sparse
        self._global: dict[bytes, bytes] = {}
        self.tail = b""

    def next_entry(self) -> TarEntry | None:
        raw: list[bytes] = []
        pax: dict[bytes, bytes] = {}
        long_name = long_link = None
        while True:
            block = self._read(BLOCK)
            if len(block) < BLOCK:
                if block or raw:
                    raise BadTar("unexpected EOF")
                return None
            raw.append(block)
            if len(raw) > MAX_HEADERS:
                raise BadTar("archive/tar: header field too long")
            if block == _ZERO:
                self.tail = b"".join(raw)
                return None
            fields = _checked(block)
            kind = fields[7]
            if kind in b"xgLK":
                data = self._metadata(parse_number(fields[4]), raw)
                if kind == b"x":
                    pax |= parse_pax(data)
                elif kind == b"g":
                    self._global |= parse_pax(data)
                elif kind == b"L":
                    long_name = _text(data)
                else:
                    long_link = _text(data)
                continue
            pax = self._global | pax if self._global else pax
            if kind == b"S" or tarsparse.is_pax_sparse(pax):
                return self._sparse_entry(block, raw, fields, pax, long_name, long_link)
            return _entry(b"".join(raw), fields, pax, long_name, long_link)

    def _sparse_entry(
        self,
        block: bytes,
        raw: list[bytes],
        fields: tuple[bytes, ...],
        pax: dict[bytes, bytes],
        long_name: bytes | None,
        long_link: bytes | None,
    ) -> TarEntry:
        if not self._sparse:
            raise BadTar("sparse files in a layer are not supported")
        try:
            entry = _entry(b"".join(raw), fields, pax, long_name, long_link)
            name, mapped, real_size = pax.get(b"GNU.sparse.name", entry.name), 0, entry.size
            if entry.kind == b"S":
                pairs, real_size = self._old_sparse_map(block), tarsparse.old_real_size(block, parse_number)
            elif tarsparse.is_mapped_in_data(pax):
                pairs, mapped = tarsparse.read_data_map(self._block)
                real_size = int(pax[b"GNU.sparse.realsize"])
            else:
                pairs, real_size = tarsparse.pax_map(pax[b"GNU.sparse.map"]), int(pax[b"GNU.sparse.size"])
            pairs, stored = tarsparse.checked(pairs, entry.size - mapped, real_size), entry.size - mapped
        except (ValueError, KeyError) as exc:
            raise BadTar("archive/tar: invalid tar header") from exc
        return entry._replace(name=name, kind=REGULAR, size=stored, sparse=pairs, real_size=real_size)

    def _old_sparse_map(self, block: bytes) -> SparseMap:
        pairs, more = tarsparse.old_pairs(block, parse_number, extension=False)
        while more:
            following, more = tarsparse.old_pairs(self._block(), parse_number, extension=True)
            pairs += following
            if len(pairs) > tarsparse.MAX_BLOCKS * 21:
                raise BadTar("archive/tar: header field too long")
        return tuple(pairs)

    def _block(self) -> bytes:
        block = self._read(BLOCK)
        if len(block) < BLOCK:
            raise BadTar("unexpected EOF")
        return block

    def _metadata(self, size: int, raw: list[bytes]) -> bytes:
        if not 0 <= size <= MAX_METADATA:
            raise BadTar("archive/tar: header field too long")
        padded = size + -size % BLOCK
        data = self._read(padded)
        if len(data) < padded:
            raise BadTar("unexpected EOF")
        raw.append(data)
        return data[:size]


def _entry(
    raw: bytes, fields: tuple[bytes, ...], pax: dict[bytes, bytes], long_name: bytes | None, long_link: bytes | None
) -> TarEntry:
    name, link, kind = _text(fields[0]), _text(fields[8]), fields[7]
    if fields[9] == b"ustar\0" and (prefix := _text(fields[15])):
        name = prefix + b"/" + name
    name = pax.get(b"path") or long_name or name
    link = pax.get(b"linkpath") or long_link or link
    if kind in b"\x007":
        kind = REGULAR
    if kind == REGULAR and name.endswith(b"/"):
        kind = DIRECTORY
    try:
        size = int(pax[b"size"]) if b"size" in pax else parse_number(fields[4])
        uid = int(pax[b"uid"]) if b"uid" in pax else parse_number(fields[2])
        gid = int(pax[b"gid"]) if b"gid" in pax else parse_number(fields[3])
    except ValueError as exc:
        raise BadTar("archive/tar: invalid tar header") from exc
    if kind in (HARDLINK, SYMLINK, CHAR, BLOCK_DEVICE, DIRECTORY, FIFO):
        size = 0
    if size < 0:
        raise BadTar("archive/tar: invalid tar header")
    mtime = parse_pax_time(pax[b"mtime"]) if b"mtime" in pax else parse_number(fields[5]) * 1_000_000_000
    atime = parse_pax_time(pax[b"atime"]) if b"atime" in pax else None
    device = kind in (CHAR, BLOCK_DEVICE)
    return TarEntry(
        raw=raw,
        name=name,
        kind=kind,
        size=size,
        mode=parse_number(fields[1]),
        uid=uid,
        gid=gid,
        mtime_ns=mtime,
        atime_ns=atime,
        link=link,
        major=parse_number(fields[13]) if device else 0,
        minor=parse_number(fields[14]) if device else 0,
        xattrs={k[13:]: v for k, v in pax.items() if k.startswith(b"SCHILY.xattr.")},
    )
