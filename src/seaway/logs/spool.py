"""conmon's log lines -> a container's log lines. Pure: bytes in, lines out.

    2026-11-24T03:57:43.582846877+00:00 stdout F text      a line, or the end of one
    2026-11-24T03:57:43.582846877+00:00 stdout P text      a piece of one; the stream may end with it

Pieces are joined again, up to dockerd's 16 KiB: a longer line becomes pieces without a newline, each with the
time of the first, as dockerd's own copier makes them.
"""

import re
from collections.abc import Iterable

PIECE_BYTES = 16 * 1024
_LINE = re.compile(rb"(\S+)\+00:00 (stdout|stderr) ([FP]) ([^\n]*\n)")


LogLine = tuple[bytes, bytes, bytes, bytes]
"""(time, stream, flag, text): RFC 3339 in UTC with nine digits and no Z; stdout or stderr; F, or P for a piece that
has no newline; the text with its newline."""


class SpoolParser:
    """Feed it whole chunks; it keeps what is unfinished, which is at most one piece and a line per stream."""

    def __init__(self, open_lines: Iterable[LogLine] = ()) -> None:
        self._tail = b""
        self._open = {stream: (time, text) for time, stream, _, text in open_lines}  # (time, text so far)

    @property
    def unfinished_bytes(self) -> int:
        """How many of the fed bytes are no whole line of conmon's yet."""
        return len(self._tail)

    @property
    def open_lines(self) -> list[LogLine]:
        """The lines whose end has not come: at most one of each stream, each shorter than 16 KiB."""
        return [(time, stream, b"P", text) for stream, (time, text) in self._open.items()]

    def feed(self, data: bytes) -> list[LogLine]:
        data = self._tail + data
        end = data.rfind(b"\n") + 1
        self._tail = data[end:]
        found = _LINE.findall(data, 0, end)
        if not self._open and all(flag == b"F" for _, _, flag, _ in found):
            return found  # nothing to join: hundreds of thousands of lines without a step of Python for each
        lines: list[LogLine] = []
        for time, stream, flag, text in found:
            self._add(time, stream, text[:-1], lines, ends=flag == b"F")
        return lines

    def finish(self) -> list[LogLine]:
        """The streams have ended: what is open is a last line without a newline."""
        lines = [line for line in self.open_lines if line[3]]
        self._open.clear()
        self._tail = b""
        return lines

    def _add(self, time: bytes, stream: bytes, text: bytes, lines: list[LogLine], *, ends: bool) -> None:
        if stream in self._open:
            time, before = self._open.pop(stream)
            text = before + text
        while len(text) > PIECE_BYTES or (len(text) == PIECE_BYTES and not ends):
            lines.append((time, stream, b"P", text[:PIECE_BYTES]))
            text = text[PIECE_BYTES:]
        if ends:
            lines.append((time, stream, b"F", text + b"\n"))
        else:
            self._open[stream] = (time, text)
