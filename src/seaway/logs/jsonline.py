"""One line of a json-file log, byte for byte as dockerd's jsonlog package writes it."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from seaway.logs.spool import LogLine

_SPECIAL = re.compile(rb'[\x00-\x1f"\\<>&\x80-\xff]')
# a byte that is not UTF-8 is decoded to a lone surrogate, and each is written as dockerd writes it
_ESCAPED = re.compile('[\x00-\x1f"\\\\<>&\u2028\u2029\udc80-\udcff]')
ZERO = ord("0")
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r"}


def _escape(match: re.Match[str]) -> str:
    char = match.group()
    if "\udc80" <= char <= "\udcff":
        return "\\ufffd"
    return _SHORT.get(char) or f"\\u{ord(char):04x}"


def escape(text: bytes) -> bytes:
    return _ESCAPED.sub(_escape, text.decode("utf-8", "surrogateescape")).encode()


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
