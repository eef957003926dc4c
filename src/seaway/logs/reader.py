"""What `docker logs` reads: the driver's lines and those not yet shipped, which are shipped first."""

import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from urllib.parse import quote_plus

from seaway.base.clock import now_ns
from seaway.logs.driver import LogEntry, ReadRequest
from seaway.logs.shipper import Shipper

_HEADER = struct.Struct(">BxxxI")
FULL_TIME = len("2026-11-24T03:57:43.582846877Z")


async def read_logs(shipper: Shipper, request: ReadRequest) -> AsyncIterator[list[LogEntry]]:
    """Batches of lines, oldest first. With `follow`, until the container's output or `until` has ended.

    Raises LoggingNotReadable before the first batch."""
    reading = shipper.driver.read(request)
    try:
        if not shipper.has_ended:
            await shipper.ship()
        while True:
            moved, has_ended = shipper.next_move(), shipper.has_ended
            async with aclosing(reading.batches()) as batches:  # closed before `reading` is, or it opens the file again
                async for batch in batches:
                    yield batch
            if not request.follow or has_ended or (request.until_ns and now_ns() > request.until_ns):
                return
            await moved.wait()
    finally:
        reading.close()


def render(batch: list[LogEntry], *, multiplexed: bool, timestamps: bool = False, details: bool = False) -> bytes:
    """The bytes that a client gets: with stdcopy's header for each line unless the container has a terminal."""
    if not multiplexed and not timestamps and not details:
        return "".join([entry.log for entry in batch]).encode("utf-8", "surrogateescape")
    parts: list[bytes] = []
    append, pack = parts.append, _HEADER.pack
    for entry in batch:
        text = entry.log.encode("utf-8", "surrogateescape")
        if details:
            text = _details(entry.attrs) + text
        if timestamps:
            text = _fixed_time(entry.time) + text
        if multiplexed:
            append(pack(2 if entry.stream == "stderr" else 1, len(text)))
        append(text)
    return b"".join(parts)


def _details(attrs: Mapping[str, str] | None) -> bytes:
    return ",".join(f"{quote_plus(k)}={quote_plus(v)}" for k, v in sorted((attrs or {}).items())).encode() + b" "


def _fixed_time(time: str) -> bytes:
    """Nine digits of fraction, always, and a space."""
    if len(time) != FULL_TIME:
        seconds, _, fraction = time[:-1].partition(".")
        time = f"{seconds}.{fraction:0<9}Z"
    return time.encode() + b" "
