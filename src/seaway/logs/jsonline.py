"""One line of a json-file log, byte for byte as dockerd's jsonlog package writes it."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from seaway.logs.driver import LogEntry
from seaway.logs.spool import LogLine

_SPECIAL = re.compile(rb'[\x00-\x1f"\\<>&\x80-\xff]')
# a byte that is not UTF-8 is decoded to a lone surrogate, and each is written as dockerd writes it
_ESCAPED = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\udc80-\udcff]')
_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in (*range(0x20), *map(ord, "<>&\u2028\u2029"))},
    **dict.fromkeys(range(0xDC80, 0xDD00), "\\ufffd"),
    **str.maketrans({'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}),
}
ZERO = ord("0")


def escape(text: bytes) -> bytes:
    decoded = text.decode("utf-8", "surrogateescape")
    return (decoded.translate(_ESCAPES) if _ESCAPED.search(decoded) else decoded).encode()


def encode_attrs(attrs: Mapping[str, str]) -> bytes:
    """`"attrs":{…},` with sorted keys, or nothing."""
    if not attrs:
        return b""
    return b'"attrs":' + msgspec.json.encode(dict(attrs), order="sorted") + b","


def encode_lines(lines: Iterable[LogLine], attrs: bytes = b"") -> list[bytes]:
    encoded: list[bytes] = []
    append, special = encoded.append, _SPECIAL.search
    template = b'{"log":"%b","stream":"%b",' + attrs.replace(b"%", b"%%") + b'"time":"%bZ"}\n'
    for time, stream, flag, text in lines:
        if flag == b"F":
            text = text[:-1]
        if special(text):
            text = escape(text)
        if flag == b"F":
            text += b"\\n"
        if time[-1] == ZERO:
            time = time.rstrip(b"0").removesuffix(b".")
        append(template % (text, stream, time))
    return encoded


_decoder = msgspec.json.Decoder(LogEntry)


class JsonLines:
    """For `filefollow`."""

    def whole_bytes(self, data: bytes) -> int:
        return data.rfind(b"\n") + 1

    def first_record(self, data: bytes) -> int:
        return data.find(b"\n") + 1

    def decode(self, data: bytes) -> list[LogEntry]:
        """A line that is damaged (the machine lost power) is left out; the others are not."""
        try:
            return _decoder.decode_lines(data[: data.rfind(b"\n") + 1])
        except (msgspec.DecodeError, UnicodeDecodeError):
            return [line for raw in data.splitlines() if (line := _decode_one(raw))]


def _decode_one(raw: bytes) -> LogEntry | None:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


JSON_LINES = JsonLines()
