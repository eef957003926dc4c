"""Whether an engine is well: it answers, holds no more descriptors than before, and its log has no bug of its own."""

import os

from conformance.engines import RunningEngine
from conformance.streams import Wire


def open_files(engine: RunningEngine) -> int:
    """Of Seaway: dockerd keeps a few for clients that left."""
    own = engine.process if engine.is_seaway else None
    return len(os.listdir(f"/proc/{own.pid}/fd")) if own else 0


def log_of(engine: RunningEngine) -> str:
    return (engine.root / "log").read_text() if engine.process else ""


def ping(engine: RunningEngine, timeout: float = 5) -> bytes:
    with Wire(engine, timeout) as wire:
        return wire.send(b"GET /_ping HTTP/1.0\r\n\r\n").read_all().partition(b"\r\n\r\n")[2]
