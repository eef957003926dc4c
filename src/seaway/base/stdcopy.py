"""Two output streams over one connection: each piece has a header of eight bytes, `[stream, 0, 0, 0, length]`."""

import struct
from collections.abc import Iterator
from enum import IntEnum

HEADER = struct.Struct(">B3xI")


class Stream(IntEnum):
    STDIN = 0
    STDOUT = 1
    STDERR = 2
    SYSTEM_ERROR = 3


class BadFrame(ValueError):
    pass


def frame(stream: Stream, payload: bytes) -> bytes:
    return HEADER.pack(stream, len(payload)) + payload


class Deframer:
    """Bytes in any pieces -> whole frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[tuple[Stream, bytes]]:
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            number, length = HEADER.unpack_from(self._buffer)
            if number > Stream.SYSTEM_ERROR:
                raise BadFrame(f"Unrecognized stream: {number}")
            end = HEADER.size + length
            if len(self._buffer) < end:
                return
            payload = bytes(self._buffer[HEADER.size : end])
            del self._buffer[:end]
            yield Stream(number), payload
