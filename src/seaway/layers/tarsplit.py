"""tar-split: what a layer's tar holds beside its files' contents, so that it can be put together again bit for bit.

JSON lines, gzipped on disk as `tar-split.json.gz`, in the format of github.com/vbatts/tar-split:

    {"type":2,"payload":"<base64>","position":0}                       bytes as they are: headers, padding, end blocks
    {"type":1,"name":"d/f","size":3,"payload":"<crc>","position":1}    content that is read from the file `d/f`

`payload` of a file is the base64 of its CRC-64/GO-ISO, or null where nothing was stored (a directory, a link, an empty
file). `name_raw` (base64) takes the place of `name` when that is not UTF-8; `size` is left out when 0.
"""

import json
from binascii import a2b_base64, b2a_base64
from collections import namedtuple

# `typing` is not imported here: it would double the time in which the process that reads the lines starts.


class Segment(namedtuple("Segment", "data")):
    data: bytes
    __slots__ = ()


class FileContent(namedtuple("FileContent", "name size crc")):
    """`crc` is None when the entry has no content to read."""

    name: bytes
    size: int
    crc: int | None
    __slots__ = ()


Entry = Segment | FileContent
_SEGMENT = b'{"type":2,"payload":"'
_FILE = [b"{", b"type", b":1,", b"name", b":"]


def encode_segment(data: bytes, position: int) -> bytes:
    return b'{"type":2,"payload":"%b","position":%d}\n' % (b2a_base64(data, newline=False), position)


def encode_file(name: bytes, size: int, crc: int | None, position: int) -> bytes:

    try:
        shown = b'"name":%b' % json.dumps(name.decode()).encode()
    except UnicodeDecodeError:
        shown = b'"name_raw":"%b"' % b2a_base64(name, newline=False)
    length = b'"size":%d,' % size if size else b""
    payload = b"null" if crc is None else b'"%b"' % b2a_base64(crc.to_bytes(8, "big"), newline=False)
    return b'{"type":1,%b,%b"payload":%b,"position":%d}\n' % (shown, length, payload, position)


def decode_entry(line: bytes) -> Entry:
    """Raises ValueError when the line is not tar-split's."""
    if line.startswith(_SEGMENT):
        return Segment(a2b_base64(line[len(_SEGMENT) : line.index(b'"', len(_SEGMENT))]))
    return _decode_plain_file(line) or _decode_any(line)


def _decode_plain_file(line: bytes) -> FileContent | None:
    """The usual order of fields and a name without escapes, or else None."""
    parts = line.split(b'"')
    if parts[:5] != _FILE or b"\\" in parts[5]:
        return None
    match parts[6:]:
        case [b",", b"size", size, b"payload", b":", crc, b",", b"position", _]:
            return FileContent(parts[5], int(size[1:-1]), int.from_bytes(a2b_base64(crc), "big"))
        case [b",", b"payload", b":null,", b"position", _]:
            return FileContent(parts[5], 0, None)
        case _:
            return None


def _decode_any(line: bytes) -> Entry:

    fields = json.loads(line)
    if not isinstance(fields, dict):
        raise ValueError("tar-split: not an entry")
    payload = a2b_base64(fields.get("payload") or "")
    match fields.get("type"):
        case 2:
            return Segment(payload)
        case 1:
            raw = fields.get("name_raw")
            name = a2b_base64(raw) if raw else fields.get("name", "").encode()
            return FileContent(name, fields.get("size", 0), int.from_bytes(payload, "big") if payload else None)
        case other:
            raise ValueError(f"tar-split: unknown entry type {other!r}")
