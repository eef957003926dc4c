"""Moves lines from conmon's spool to a log driver, at least once, and lets go of what is moved.

    <dir>/offset[-<name>]   {"inode", "byte", "open"}: everything before it is with the driver, but for open lines

The offset is written after the driver has the lines; a crash in between ships one batch twice, and loses none. A
driver that fails is tried again, later and later: its lines stay where they are until then.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from seaway.base.errors import EngineError
from seaway.kernel.files import replace_file_lazily
from seaway.kernel.worker import apart, run_blocking
from seaway.logs.driver import LogDriver
from seaway.logs.pieces import SpoolPieces
from seaway.logs.spool import LogLine, SpoolParser

BATCH_BYTES = 1 << 20
ROTATE_BYTES = 16 << 20
FIRST_DELAY_S, LONGEST_DELAY_S = 0.5, 30.0
log = logging.getLogger(__name__)


class Offset(msgspec.Struct, frozen=True):
    inode: int = 0
    byte: int = 0
    open: tuple[LogLine, ...] = ()


@dataclass(frozen=True, slots=True)
class _Batch:
    """Lines on their way, and what is true once the driver has them."""

    lines: Sequence[LogLine]
    recorded: Offset
    read_to: Offset
    size: int


class Shipper:
    """One per container and driver. `ship` moves what is there; `finish` is for when the container's output has ended.

    `reopen` tells conmon to open `log` again; without it the spool is not rotated. `is_remote`: the driver waits for
    other machines. `most_pieces` of the spool are kept for a driver that is behind; 0: all."""

    def __init__(
        self,
        pieces: SpoolPieces,
        driver: LogDriver,
        reopen: Callable[[], Awaitable[None]] | None = None,
        *,
        name: str = "",
        is_remote: bool = False,
        most_pieces: int = 0,
    ) -> None:
        self._pieces, self._driver, self._reopen, self._name = pieces, driver, reopen, name
        self._run: Callable[..., Awaitable[Any]] = apart if is_remote else run_blocking
        self._most_pieces = most_pieces
        self._offset_path = pieces.directory / (f"offset-{name}" if name else "offset")
        self._offset = self._read_offset()
        self._parser = SpoolParser(self._offset.open)
        self._batch: _Batch | None = None
        self._lock = asyncio.Lock()
        self._moved, self._changed = asyncio.Event(), asyncio.Event()
        self._delay_s = 0.0
        self._shipped_bytes = 0
        self.has_ended = False

    @property
    def driver(self) -> LogDriver:
        return self._driver

    async def ship(self) -> None:
        """What is in the spool now; a log that grows meanwhile is no reason to stay. Raises what the driver raises:
        nothing is lost then, and another call goes on."""
        offset = self._offset
        backlog = await self._run(self._pieces.backlog_bytes, self._name, offset.inode, offset.byte)
        target = self._shipped_bytes + backlog
        while await self._ship_one() and self._shipped_bytes < target:
            pass

    async def _ship_one(self) -> bool:
        async with self._lock:  # one batch at a time: it is fair, so that a reader's turn comes amid a flood
            if moved := await self._run(self._ship_batch):
                self._wake()
            if self._reopen and self._pieces.live_bytes() >= ROTATE_BYTES:
                self._pieces.retire()
                await self._reopen()
                return True
            return bool(moved)

    async def finish(self, *, with_live: bool = True) -> None:
        """Without the live piece where that one is another run's by now."""
        async with self._lock:
            if self.has_ended:
                return
            await self._ship_all()
            await self._run(self._finish, with_live=with_live)
            self.has_ended = True
        self._wake()
        self._changed.set()

    async def run(self, changed: asyncio.Event) -> None:
        """Ship whenever `changed` is set, until cancelled or the output has ended."""
        self._changed = changed
        if self._reopen and self._pieces.lacks_live():
            await self._reopen()
        while not self.has_ended:
            changed.clear()
            try:
                while await self._ship_one():
                    pass
                self._delay_s = 0
            except (EngineError, OSError) as failure:
                if not self.has_ended:
                    await self._wait_after(failure)
                continue
            await changed.wait()

    def abandon(self) -> None:
        """The container is removed: nobody will ask for the lines that have not been shipped."""
        self.has_ended = True
        self._wake()
        self._changed.set()

    async def finish_some_time(self) -> None:
        """For a driver that may not answer now; the live piece has been retired."""
        while not self.has_ended:
            try:
                await self.finish(with_live=False)
            except (EngineError, OSError) as failure:
                await self._wait_after(failure)

    def next_move(self) -> asyncio.Event:
        """Set when lines have come to the driver after this call, or the output has ended."""
        return self._moved

    async def _wait_after(self, failure: Exception) -> None:
        if not self._delay_s:
            log.error("failed to ship log lines, which are kept for later: %s", failure)
        self._delay_s = min(self._delay_s * 2 or FIRST_DELAY_S, LONGEST_DELAY_S)
        await asyncio.sleep(self._delay_s)

    async def _ship_all(self) -> None:
        while await self._run(self._ship_batch):
            self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _ship_batch(self) -> bool:
        while self._batch is None:
            piece = self._pieces.of(self._name, self._offset.inode)
            if piece is None:
                return False
            is_complete = self._pieces.is_complete(piece)
            self._batch = self._read(piece)
            if self._batch is None:
                if not is_complete:
                    return False
                self._pieces.release(piece, self._name)
        batch = self._batch
        if batch.lines:
            self._driver.write(batch.lines)
        replace_file_lazily(self._offset_path, msgspec.json.encode(batch.recorded))
        self._shipped_bytes += batch.size
        self._offset, self._batch = batch.read_to, None
        return True

    def _read(self, piece: Path) -> _Batch | None:
        """What comes next of that piece; None at its end."""
        if self._most_pieces:
            self._drop_what_is_too_old(self._most_pieces)
        try:
            file = piece.open("rb")
        except FileNotFoundError:
            return None  # retired under another name just now
        with file:
            info = os.fstat(file.fileno())
            is_known = info.st_ino == self._offset.inode and self._offset.byte <= info.st_size
            start = self._offset.byte if is_known else 0
            file.seek(start)
            data = file.read(BATCH_BYTES)
        if not data:
            return None
        lines = self._parser.feed(data)
        read_to = Offset(info.st_ino, start + len(data))
        whole = read_to.byte - self._parser.unfinished_bytes
        return _Batch(lines, Offset(info.st_ino, whole, tuple(self._parser.open_lines)), read_to, len(data))

    def _drop_what_is_too_old(self, most: int) -> None:
        """Neither a receiver that is away for long nor a container that floods its log may fill the disk."""
        for piece in self._pieces.rotated()[1:-most]:
            log.warning("the log driver is too far behind: %s is dropped", piece)
            self._pieces.release(piece, self._name)

    def _finish(self, *, with_live: bool) -> None:
        if lines := self._parser.finish():
            self._batch = _Batch(lines, self._offset, self._offset, 0)
            self._ship_batch()
        self._driver.close()
        while (piece := self._pieces.of(self._name, self._offset.inode)) and (with_live or piece != self._pieces.live):
            self._pieces.release(piece, self._name)

    def _read_offset(self) -> Offset:
        try:
            return msgspec.json.decode(self._offset_path.read_bytes(), type=Offset)
        except (FileNotFoundError, msgspec.DecodeError):
            return Offset()
