"""One record of dockerd's `local` format: BE u32 length, a protobuf LogEntry, the length again. Pure.

    LogEntry { string source = 1; int64 time_nano = 2; bytes line = 3; bool partial = 4;
               PartialLogEntryMetadata { bool last = 1; string id = 2; int32 ordinal = 3; } partial_log_metadata = 5; }
The line has no newline: the reader adds one, except behind a piece that is not the last of its line.
"""

import calendar
import secrets
import struct
from collections.abc import Iterable
from functools import lru_cache

from seaway.base.clock import format_time
from seaway.logs.driver import LogEntry
from seaway.logs.spool import LogLine

_LENGTH = struct.Struct(">I")
_SOURCE, _TIME, _LINE, _METADATA = 0x0A, 0x10, 0x1A, 0x2A


class FrameEncoder:
    """Remembers which piece of a long line comes next, for each stream."""

    def __init__(self) -> None:
        self._pieces: dict[bytes, tuple[bytes, int]] = {}

    def encode(self, lines: Iterable[LogLine]) -> list[bytes]:
        return [self._frame(*line) for line in lines]

    def _frame(self, time: bytes, stream: bytes, flag: bytes, text: bytes) -> bytes:
        is_end = flag == b"F"
        line = text[:-1] if is_end else text
        body = b"\x0a%c%b\x10%b\x1a%b%b" % (len(stream), stream, varint(nanoseconds(time)), varint(len(line)), line)
        if not is_end or stream in self._pieces:
            body += self._partial(stream, is_end=is_end)
        length = _LENGTH.pack(len(body))
        return length + body + length

    def _partial(self, stream: bytes, *, is_end: bool) -> bytes:
        identity, ordinal = self._pieces.pop(stream, (secrets.token_hex(32).encode(), 1))
        if not is_end:
            self._pieces[stream] = identity, ordinal + 1
        metadata = b"%b\x12%c%b\x18%b" % (b"\x08\x01" if is_end else b"", len(identity), identity, varint(ordinal))
        return b"\x20\x01\x2a%c%b" % (len(metadata), metadata)


def varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def nanoseconds(time: bytes) -> int:
    """`2026-11-24T03:57:43.582846877`, in UTC."""
    return _seconds(time[:19]) * 1_000_000_000 + int(time[20:] or b"0")


@lru_cache(maxsize=64)
def _seconds(time: bytes) -> int:
    date, _, clock = time.decode().partition("T")
    year, month, day = map(int, date.split("-"))
    hour, minute, second = map(int, clock.split(":"))
    return calendar.timegm((year, month, day, hour, minute, second))


class LocalFrames:
    """For `filefollow`."""

    def whole_bytes(self, data: bytes) -> int:
        end, size = 0, len(data)
        while end + 8 <= size:
            after = end + 8 + _LENGTH.unpack_from(data, end)[0]
            if after > size:
                break
            end = after
        return end

    def first_record(self, data: bytes) -> int:
        start = len(data)
        while start >= 8:
            before = start - 8 - _LENGTH.unpack_from(data, start - 4)[0]
            if before < 0:
                break
            start = before
        return start

    def decode(self, data: bytes) -> list[LogEntry]:
        entries, at = list[LogEntry](), 0
        while at + 8 <= len(data):
            length = _LENGTH.unpack_from(data, at)[0]
            try:
                entries.append(decode_entry(data[at + 4 : at + 4 + length]))
            except (IndexError, ValueError):
                pass  # damaged
            at += 8 + length
        return entries


def decode_entry(body: bytes) -> LogEntry:
    """Raises ValueError or IndexError for what is no LogEntry."""
    source, line, time_ns, ends = "", b"", 0, True
    at = 0
    while at < len(body):
        tag = body[at]
        value, at = _read_varint(body, at + 1)
        if tag & 7 == 2:
            content, at = body[at : at + value], at + value
        if tag == _SOURCE:
            source = content.decode()
        elif tag == _TIME:
            time_ns = value
        elif tag == _LINE:
            line = content
        elif tag == _METADATA:
            ends = content[:1] == b"\x08" and content[1:2] == b"\x01"
    text = line.decode("utf-8", "surrogateescape")
    return LogEntry(log=text + "\n" if ends else text, stream=source, time=format_time(time_ns))


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    byte = data[at]
    if byte < 0x80:
        return byte, at + 1
    number, shift = byte & 0x7F, 7
    while byte >= 0x80:
        at += 1
        byte = data[at]
        number |= (byte & 0x7F) << shift
        shift += 7
    return number, at + 1


LOCAL_FRAMES = LocalFrames()
