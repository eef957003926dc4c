"""Moves lines from conmon's spool to the log driver, at least once, and takes away what is moved.

    <dir>/log         conmon appends here
    <dir>/log.<n>     renamed before conmon was told to reopen: read to its end, then removed
    <dir>/offset      {"inode", "byte", "open"}: everything before it is with the driver, but for open lines

The offset is written after the driver has the lines; a crash in between ships one batch twice, and loses none.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from seaway.kernel.files import replace_file_lazily
from seaway.kernel.worker import run_blocking
from seaway.logs.driver import LogDriver
from seaway.logs.spool import LogLine, SpoolParser

BATCH_BYTES = 4 << 20
ROTATE_BYTES = 16 << 20


class Offset(msgspec.Struct, frozen=True):
    inode: int = 0
    byte: int = 0
    open: tuple[LogLine, ...] = ()


class Shipper:
    """One per container. `ship` moves what is there; `finish` is for when the container's output has ended.

    `reopen` tells conmon to open `log` again; without it the spool is not rotated."""

    def __init__(self, directory: Path, driver: LogDriver, reopen: Callable[[], Awaitable[None]] | None = None) -> None:
        self._path, self._driver, self._reopen = directory / "log", driver, reopen
        self._offset_path = directory / "offset"
        self._offset = self._read_offset()
        self._parser = SpoolParser(self._offset.open)
        self._lock = asyncio.Lock()
        self._moved = asyncio.Event()
        self.has_ended = False

    @property
    def driver(self) -> LogDriver:
        return self._driver

    async def ship(self) -> None:
        async with self._lock:
            await self._ship_all()
            if self._reopen and self._offset.byte >= ROTATE_BYTES:
                self._path.rename(self._path.with_name(f"log.{self._next_number()}"))
                await self._reopen()
                await self._ship_all()

    async def finish(self) -> None:
        async with self._lock:
            await self._ship_all()
            await run_blocking(self._finish)
            self.has_ended = True
        self._wake()

    async def run(self, changed: asyncio.Event) -> None:
        """Ship whenever `changed` is set, until cancelled or the output has ended."""
        while not self.has_ended:
            changed.clear()
            await self.ship()
            await changed.wait()

    def next_move(self) -> asyncio.Event:
        """Set when lines have come to the driver after this call, or the output has ended."""
        return self._moved

    async def _ship_all(self) -> None:
        while await run_blocking(self._ship_batch):
            self._wake()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _ship_batch(self) -> bool:
        path = self._current()
        if path is None:
            return False
        with path.open("rb") as file:
            info = os.fstat(file.fileno())
            inode = info.st_ino
            is_known = inode == self._offset.inode and self._offset.byte <= info.st_size
            start = self._offset.byte if is_known else 0
            file.seek(start)
            data = file.read(BATCH_BYTES)
        if data:
            lines = self._parser.feed(data)
            if lines:
                self._driver.write(lines)
            whole = start + len(data) - self._parser.unfinished_bytes
            replace_file_lazily(
                self._offset_path, msgspec.json.encode(Offset(inode, whole, tuple(self._parser.open_lines)))
            )
            self._offset = Offset(inode, start + len(data))
            return True
        if path != self._path and self._path.exists():
            path.unlink()
            return self._current() is not None
        return False

    def _finish(self) -> None:
        if lines := self._parser.finish():
            self._driver.write(lines)
        self._driver.close()
        self._path.unlink(missing_ok=True)
        self._offset_path.unlink(missing_ok=True)
        self._offset = Offset()

    def _read_offset(self) -> Offset:
        try:
            return msgspec.json.decode(self._offset_path.read_bytes(), type=Offset)
        except (FileNotFoundError, msgspec.DecodeError):
            return Offset()

    def _rotated(self) -> list[Path]:
        return sorted(self._path.parent.glob("log.*"), key=lambda path: int(path.suffix[1:]))

    def _next_number(self) -> int:
        return max((int(path.suffix[1:]) for path in self._rotated()), default=0) + 1

    def _current(self) -> Path | None:
        """The oldest piece there is."""
        rotated = self._rotated()
        if rotated:
            return rotated[0]
        return self._path if self._path.exists() else None
