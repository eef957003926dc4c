"""The bytes of a tar's headers, as Go writes PAX ones: ustar fields where a value fits, else PAX records. Pure."""

from collections.abc import Mapping
from struct import Struct

from seaway.kernel.tar import BLOCK, DIRECTORY, REGULAR

END = bytes(2 * BLOCK)
_FIELDS = Struct("100s8s8s8s12s12s8sc100s6s2s32s32s8s8s155s12x")
_CHECKSUM_AT = 148
_PAX_HEADER = b"x"
_MAX_NAME = 100
_MAX_ID, _MAX_SIZE = 0o7777777, 0o77777777777


def header(
    name: bytes,
    kind: bytes = REGULAR,
    *,
    mode: int = 0o644,
    uid: int = 0,
    gid: int = 0,
    size: int = 0,
    mtime_s: int = 0,
    link: bytes = b"",
    device: tuple[int, int] = (0, 0),
    xattrs: Mapping[bytes, bytes] | None = None,
) -> bytes:
    """One member's header; its content, padded to a block, is the caller's. Names may be any bytes."""
    records = {b"SCHILY.xattr." + key: value for key, value in sorted((xattrs or {}).items())}
    _need_text(records, b"path", name)
    _need_text(records, b"linkpath", link)
    for key, number, largest in ((b"uid", uid, _MAX_ID), (b"gid", gid, _MAX_ID), (b"size", size, _MAX_SIZE)):
        if number > largest:
            records[key] = b"%d" % number
    if not 0 <= mtime_s <= _MAX_SIZE:
        records[b"mtime"] = b"%d" % mtime_s
    block = _block(name, kind, mode, uid, gid, size, mtime_s, link, device)
    return _pax(name, records) + block if records else block


def padding(size: int) -> bytes:
    return bytes(-size % BLOCK)


def _need_text(records: dict[bytes, bytes], key: bytes, value: bytes) -> None:
    if len(value) > _MAX_NAME or not value.isascii():
        records[key] = value


def _pax(name: bytes, records: Mapping[bytes, bytes]) -> bytes:
    data = b"".join(_record(key, value) for key, value in records.items())
    folder, _, base = name.rstrip(b"/").rpartition(b"/")
    short = (folder + b"/PaxHeaders.0/" + base).lstrip(b"/")[:_MAX_NAME]
    plain = short if short.isascii() else b"PaxHeaders.0"
    return _block(plain, _PAX_HEADER, 0o644, 0, 0, len(data), 0, b"", (0, 0)) + data + padding(len(data))


def _record(key: bytes, value: bytes) -> bytes:
    """`28 path=some/name\\n`: the length counts itself."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(str(len(rest)))
    if len(str(length)) + len(rest) != length:
        length = len(str(length)) + len(rest)
    return b"%d%b" % (length, rest)


def _block(
    name: bytes,
    kind: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime_s: int,
    link: bytes,
    device: tuple[int, int],
) -> bytes:
    block = bytearray(
        _FIELDS.pack(
            _plain(name, kind),
            b"%07o\0" % mode,
            b"%07o\0" % (uid if uid <= _MAX_ID else 0),
            b"%07o\0" % (gid if gid <= _MAX_ID else 0),
            b"%011o\0" % (size if size <= _MAX_SIZE else 0),
            b"%011o\0" % (mtime_s if 0 <= mtime_s <= _MAX_SIZE else 0),
            b"        ",
            kind,
            _plain(link, kind),
            b"ustar\0",
            b"00",
            b"",
            b"",
            b"%07o\0" % device[0],
            b"%07o\0" % device[1],
            b"",
        )
    )
    block[_CHECKSUM_AT : _CHECKSUM_AT + 8] = b"%06o\0 " % sum(block.translate(None, b"\0"))
    return bytes(block)


def _plain(text: bytes, kind: bytes) -> bytes:
    """What readers without PAX see of a name that does not fit: its beginning, other bytes left out."""
    if len(text) <= _MAX_NAME and text.isascii():
        return text
    short = bytes(byte for byte in text if byte < 0x80)[:_MAX_NAME].rstrip(b"/")
    return short[: _MAX_NAME - 1] + b"/" if kind == DIRECTORY else short
