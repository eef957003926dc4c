"""Reads a json-file log and what was rotated from it, in large batches.

`--tail` looks for its first line from the end of the newest file, so it costs no more than the lines it shows.
Nothing is locked: files are opened before they are read, and a rotated file keeps its inode.
"""

import gzip
import os
import re
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from seaway.base.clock import format_time
from seaway.kernel.worker import run_blocking
from seaway.logs.driver import LogEntry, ReadRequest

BATCH_BYTES = 1 << 20
_ROTATED = re.compile(r"\.(\d+)(\.gz)?$")
_decoder = msgspec.json.Decoder(LogEntry)


class JsonFileReading:
    """A reader's place in the log. `batches` gives what there is; called again, what came since."""

    def __init__(self, path: Path, request: ReadRequest) -> None:
        self._path, self._request = path, request
        self._file: BinaryIO | None = None

    async def batches(self) -> AsyncGenerator[list[LogEntry]]:
        is_first, files = self._file is None, await run_blocking(self._open_unread)
        try:
            if is_first and self._request.tail is not None:
                if entries := await run_blocking(_tail, files, self._request):
                    yield entries
            else:
                for file in files:
                    while entries := await run_blocking(_next_batch, file, self._request):
                        yield entries
        finally:
            for file in files[:-1]:
                file.close()
            self._file = files[-1] if files else None

    def close(self) -> None:
        if self._file:
            self._file.close()
            self._file = None

    def _open_unread(self) -> list[BinaryIO]:
        """Oldest first. The newest stays open between calls, so that what rotation takes away is read to its end."""
        if self._file is None:
            return [file for path in self._paths() if (file := _open(path))]
        mine = _inode(self._file)
        if (current := _open(self._path)) is None:
            return [self._file]
        if _inode(current) == mine:
            current.close()
            return [self._file]
        between = [file for path in self._paths()[:-1] if path.suffix != ".gz" and (file := _open(path))]
        older = [_inode(file) for file in between]
        newer = between[older.index(mine) + 1 :] if mine in older else []
        for file in between:
            if file not in newer:
                file.close()
        return [self._file, *newer, current]

    def _paths(self) -> list[Path]:
        found = self._path.parent.glob(f"{self._path.name}.*")
        rotated = [(int(m[1]), path) for path in found if (m := _ROTATED.search(path.name))]
        return [path for _, path in sorted(rotated, reverse=True)] + [self._path]


def _open(path: Path) -> BinaryIO | None:
    try:
        return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")
    except FileNotFoundError:
        return None


def _inode(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_ino


def _next_batch(file: BinaryIO, request: ReadRequest) -> list[LogEntry]:
    """Empty at the end of the file."""
    while True:
        data = file.read(BATCH_BYTES)
        if data and not data.endswith(b"\n"):
            data += file.readline()
        whole = data[: data.rfind(b"\n") + 1]
        if not whole:
            return []
        if entries := select(decode(whole), request):
            return entries


def _tail(files: list[BinaryIO], request: ReadRequest) -> list[LogEntry]:
    """Leaves the newest file at its end."""
    wanted = request.tail or 0
    found: list[LogEntry] = []
    for file in reversed(files):
        size = _end(file)
        end, rest = size, b""
        while end and len(found) < wanted:
            start = max(0, end - BATCH_BYTES)
            file.seek(start)
            data = file.read(end - start) + rest
            cut = data.find(b"\n") + 1 if start else 0
            rest, end = data[:cut], start
            found = select(decode(data[cut : data.rfind(b"\n") + 1]), request) + found
        file.seek(size)
    return found[-wanted:] if wanted else []


def _end(file: BinaryIO) -> int:
    if not isinstance(file, gzip.GzipFile):
        return file.seek(0, os.SEEK_END)
    return _gzip_end(file)


def _gzip_end(file: BinaryIO) -> int:
    while file.read(BATCH_BYTES):
        pass
    return file.tell()


def decode(data: bytes) -> list[LogEntry]:
    """A line that is damaged (the machine lost power) is left out; the others are not."""
    try:
        return _decoder.decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return [line for raw in data.splitlines() if (line := _decode_one(raw))]


def _decode_one(raw: bytes) -> LogEntry | None:
    try:
        return _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
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
