"""Reads a log file and what was rotated from it, in large batches, whatever the format of its records.

`--tail` looks for its first line from the end of the newest file, so it costs no more than the lines it shows.
Nothing is locked: files are opened before they are read, and a rotated file keeps its inode.
"""

import gzip
import os
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from seaway.base.clock import format_time
from seaway.kernel.worker import run_blocking
from seaway.logs.driver import LogEntry, ReadRequest

BATCH_BYTES = 1 << 20
_ROTATED = re.compile(r"\.(\d+)(\.gz)?$")


class RecordFormat(Protocol):
    """`data` begins with a record. `whole_bytes` counts those of its whole records; `decode` takes just those, and
    leaves out what is damaged. `first_record` is for reading backwards: `data` ends with a record."""

    def whole_bytes(self, data: bytes) -> int: ...
    def first_record(self, data: bytes) -> int: ...
    def decode(self, data: bytes) -> list[LogEntry]: ...


class _Source:
    """An open file, with what was read of a record whose end is not there yet."""

    def __init__(self, file: BinaryIO, *, is_packed: bool) -> None:
        self._file, self._is_packed, self._rest = file, is_packed, b""
        self.inode = os.fstat(file.fileno()).st_ino

    def next_batch(self, records: RecordFormat, request: ReadRequest) -> list[LogEntry]:
        """Empty at the end of the file."""
        while data := self._file.read(BATCH_BYTES):
            data = self._rest + data
            end = records.whole_bytes(data)
            self._rest = data[end:]
            if end and (entries := select(records.decode(data[:end]), request)):
                return entries
        return []

    def last(self, wanted: int, records: RecordFormat, request: ReadRequest) -> list[LogEntry]:
        """Afterwards it is at its end."""
        if self._is_packed:
            data = self._file.read()
            return select(records.decode(data[: records.whole_bytes(data)]), request)[-wanted:]
        found: list[LogEntry] = []
        size = end = self._file.seek(0, os.SEEK_END)
        rest = b""
        while end and len(found) < wanted:
            start = max(0, end - BATCH_BYTES)
            self._file.seek(start)
            data = self._file.read(end - start) + rest
            cut = records.first_record(data) if start else 0
            rest, end = data[:cut], start
            found = select(records.decode(data[cut:]), request) + found
        self._file.seek(size)
        return found[-wanted:]

    def skip(self) -> None:
        self._file.seek(0, os.SEEK_END)

    def close(self) -> None:
        self._file.close()


class FileReading:
    """A reader's place in the log. `batches` gives what there is; called again, what came since."""

    def __init__(self, path: Path, request: ReadRequest, records: RecordFormat) -> None:
        self._path, self._request, self._records = path, request, records
        self._file: _Source | None = None

    async def batches(self) -> AsyncGenerator[list[LogEntry]]:
        is_first, files = self._file is None, await run_blocking(self._open_unread)
        try:
            if is_first and self._request.tail is not None:
                if entries := await run_blocking(self._tail, files):
                    yield entries
            else:
                for file in files:
                    while entries := await run_blocking(file.next_batch, self._records, self._request):
                        yield entries
        finally:
            for file in files[:-1]:
                file.close()
            self._file = files[-1] if files else None

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _tail(self, files: list[_Source]) -> list[LogEntry]:
        wanted, found = self._request.tail or 0, list[LogEntry]()
        for file in reversed(files):
            if more := wanted - len(found):
                found = file.last(more, self._records, self._request) + found
        if files and not wanted:
            files[-1].skip()
        return found

    def _open_unread(self) -> list[_Source]:
        """Oldest first. The newest stays open between calls, so that what rotation takes away is read to its end."""
        if self._file is None:
            return [file for path in self._paths() if (file := _open(path))]
        if (current := _open(self._path)) is None:
            return [self._file]
        if current.inode == self._file.inode:
            current.close()
            return [self._file]
        between = [file for path in self._paths()[:-1] if path.suffix != ".gz" and (file := _open(path))]
        older = [file.inode for file in between]
        newer = between[older.index(self._file.inode) + 1 :] if self._file.inode in older else []
        for file in between:
            if file not in newer:
                file.close()
        return [self._file, *newer, current]

    def _paths(self) -> list[Path]:
        found = self._path.parent.glob(f"{self._path.name}.*")
        rotated = [(int(m[1]), path) for path in found if (m := _ROTATED.search(path.name))]
        return [path for _, path in sorted(rotated, reverse=True)] + [self._path]


def _open(path: Path) -> _Source | None:
    try:
        is_packed = path.suffix == ".gz"
        return _Source(cast(BinaryIO, gzip.open(path, "rb")) if is_packed else path.open("rb"), is_packed=is_packed)
    except FileNotFoundError:
        return None


def select(lines: list[LogEntry], request: ReadRequest) -> list[LogEntry]:
    if not (request.stdout and request.stderr):
        wanted = {"stdout"} if request.stdout else {"stderr"} if request.stderr else set()
        lines = [line for line in lines if line.stream in wanted]
    # without the Z, times in UTC compare as strings do: a fraction is longer than its prefix
    if request.since_ns:
        since = format_time(request.since_ns)[:-1]
        lines = [line for line in lines if line.time[:-1] >= since]
    if request.until_ns:
        until = format_time(request.until_ns)[:-1]
        lines = [line for line in lines if line.time[:-1] <= until]
    return lines
