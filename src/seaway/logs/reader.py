"""What `docker logs` reads: the driver's lines and those not yet shipped, which are shipped first."""

from collections.abc import AsyncIterator

from seaway.base.clock import now_ns
from seaway.logs.driver import LogEntry, ReadRequest
from seaway.logs.shipper import Shipper


async def read_logs(shipper: Shipper, request: ReadRequest) -> AsyncIterator[list[LogEntry]]:
    """Batches of lines, oldest first. With `follow`, until the container's output or `until` has ended.

    Raises LoggingNotReadable before the first batch."""
    reading = shipper.driver.read(request)
    try:
        if not shipper.has_ended:
            await shipper.ship()
        while True:
            moved, has_ended = shipper.next_move(), shipper.has_ended
            async for batch in reading.batches():
                yield batch
            if not request.follow or has_ended or (request.until_ns and now_ns() > request.until_ns):
                return
            await moved.wait()
    finally:
        reading.close()


def render(batch: list[LogEntry], *, multiplexed: bool, timestamps: bool = False, details: bool = False) -> bytes:
    """The bytes that a client gets: with stdcopy's header for each line unless the container has a terminal."""
    if not multiplexed and not timestamps and not details:
        return b"".join([entry.text for entry in batch])
    parts: list[bytes] = []
    for time, stream, text, attrs in batch:
        if details:
            text = b",".join(f"{k}={v}".encode() for k, v in sorted((attrs or {}).items())) + b" " + text
        if timestamps:
            text = _fixed_time(time) + b" " + text
        if multiplexed:
            parts.append((b"\2" if stream == "stderr" else b"\1") + b"\0\0\0" + len(text).to_bytes(4, "big"))
        parts.append(text)
    return b"".join(parts)


def _fixed_time(time: str) -> bytes:
    """Nine digits of fraction, always."""
    seconds, _, fraction = time[:-1].partition(".")
    return f"{seconds}.{fraction:0<9}Z".encode()
