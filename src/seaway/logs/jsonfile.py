"""The json-file driver: `containers/<id>/<id>-json.log`, rotated to `.1`, `.2` (`.gz` with compress), newest first.

A line is one JSON object. A file that has reached max-size is rotated before the next line, so no line is cut.
"""

import gzip
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from seaway.kernel.files import write_all
from seaway.logs.driver import ContainerInfo, LogReading, ReadRequest
from seaway.logs.filefollow import JsonFileReading
from seaway.logs.jsonline import encode_attrs, encode_lines
from seaway.logs.options import JsonFileOptions, extra_attributes, parse_json_file_options
from seaway.logs.spool import LogLine

SEARCH_BYTES = 4096


class JsonFileDriver:
    def __init__(self, info: ContainerInfo) -> None:
        self.path = info.directory / f"{info.id}-json.log"
        self._options: JsonFileOptions = parse_json_file_options(info.options)
        self._attrs = encode_attrs(extra_attributes(info))
        self._fd, self._size = -1, 0

    def write(self, lines: Sequence[LogLine]) -> None:
        if self._fd < 0:
            self._open()
        encoded, limit = encode_lines(lines, self._attrs), self._options.max_size
        if not limit:
            self._append(b"".join(encoded))
            return
        batch: list[bytes] = []
        room = limit - self._size
        for line in encoded:
            if room <= 0:
                self._append(b"".join(batch))
                self._rotate()
                batch, room = [], limit
            batch.append(line)
            room -= len(line)
        self._append(b"".join(batch))

    def read(self, request: ReadRequest) -> LogReading:
        return JsonFileReading(self.path, request)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        self.close()
        for path in [self.path, *self.path.parent.glob(f"{self.path.name}.*")]:
            path.unlink(missing_ok=True)

    def _open(self) -> None:
        self._fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = _cut_unfinished_line(self._fd)

    def _append(self, data: bytes) -> None:
        write_all(self._fd, data)
        self._size += len(data)

    def _rotate(self) -> None:
        self.close()
        keep = self._options.max_file - 1
        if keep < 1:
            self.path.unlink()  # a reader that has it open reads to its end
        else:
            suffix = ".gz" if self._options.compress else ""
            for number in range(keep - 1, 0, -1):
                _rename(self._rotated(number, suffix), self._rotated(number + 1, suffix))
            if suffix:
                _compress(self.path, self._rotated(1, suffix))
            else:
                self.path.rename(self._rotated(1, ""))
        self._open()

    def _rotated(self, number: int, suffix: str) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}{suffix}")


def _cut_unfinished_line(fd: int) -> int:
    """A crash may have left the head of a line, which is shipped again as a whole. Answers the file's size."""
    size = os.fstat(fd).st_size
    end = size
    while end:
        start = max(0, end - SEARCH_BYTES)
        if found := os.pread(fd, end - start, start).rfind(b"\n") + 1:
            end = start + found
            break
        end = start
    if end < size:
        os.ftruncate(fd, end)
    return end


def _rename(source: Path, target: Path) -> None:
    try:
        source.rename(target)
    except FileNotFoundError:
        pass


def _compress(source: Path, target: Path) -> None:
    temp = target.with_name(f".tmp-{target.name}")
    with source.open("rb") as plain, gzip.open(temp, "wb", compresslevel=1) as packed:
        shutil.copyfileobj(plain, packed, 1 << 20)
    temp.rename(target)
    source.unlink()
