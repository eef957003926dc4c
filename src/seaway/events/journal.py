"""The last events on disk, so that `since` reaches back over a restart of the engine.

    seaway/events.jsonl     one event a line, oldest first; cut back to the last `kept` when it has twice as many

A line is appended before anybody hears of the event. It is not synced: a power failure may cost the last ones, a
killed engine costs none. A line that is damaged is left out.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import msgspec

from seaway.events.message import Event
from seaway.kernel.files import replace_file_lazily, write_all

_decoder = msgspec.json.Decoder(Event)


class Journal:
    def __init__(self, path: Path, kept: int) -> None:
        self._path, self._kept = path, kept
        self._events = _read(path)[-kept:]
        self._fd = self._rewritten(self._events)
        self._lines = len(self._events)

    def events(self) -> list[Event]:
        """What was there when it was opened."""
        return list(self._events)

    def append(self, event: Event, ring: Sequence[Event]) -> None:
        """`ring` ends with `event`, and has what is to be kept."""
        write_all(self._fd, msgspec.json.encode(event) + b"\n")
        self._lines += 1
        if self._lines >= 2 * self._kept:
            self.close()
            self._fd = self._rewritten(ring)
            self._lines = len(ring)

    def close(self) -> None:
        os.close(self._fd)

    def _rewritten(self, events: Sequence[Event]) -> int:
        replace_file_lazily(self._path, b"".join(msgspec.json.encode(event) + b"\n" for event in events))
        return os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)


def _read(path: Path) -> list[Event]:
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [event for line in lines if (event := _decode(line))]


def _decode(line: bytes) -> Event | None:
    try:
        return _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
