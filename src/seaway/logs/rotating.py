"""A log file and what is rotated from it: `<name>`, `<name>.1`, `<name>.2` (`.gz` with compress), newest first.

A file that has reached its limit is rotated before the next record, so no record is cut. A reader that has a file
open reads it to its end, whatever becomes of its name.
"""

import gzip
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from seaway.kernel.files import write_all


@dataclass(frozen=True, slots=True)
class Limits:
    """`max_size` in bytes, 0 for no limit."""

    max_size: int = 0
    max_file: int = 1
    compress: bool = False


class RotatingFile:
    """`cut_unfinished` takes from a file what a crash left of a record at its end, and answers the file's size."""

    def __init__(self, path: Path, limits: Limits, cut_unfinished: Callable[[int], int]) -> None:
        self._path, self._limits, self._cut_unfinished = path, limits, cut_unfinished
        self._fd, self._size = -1, 0

    def append(self, records: Iterable[bytes]) -> None:
        if self._fd < 0:
            self._open()
        limit = self._limits.max_size
        if not limit:
            self._write(b"".join(records))
            return
        batch: list[bytes] = []
        room = limit - self._size
        for record in records:
            if room <= 0:
                self._write(b"".join(batch))
                self._rotate()
                batch, room = [], limit
            batch.append(record)
            room -= len(record)
        self._write(b"".join(batch))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        self.close()
        for path in [self._path, *self._path.parent.glob(f"{self._path.name}.*")]:
            path.unlink(missing_ok=True)

    def _open(self) -> None:
        self._path.parent.mkdir(mode=0o700, exist_ok=True)
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self._size = self._cut_unfinished(self._fd)

    def _write(self, data: bytes) -> None:
        write_all(self._fd, data)
        self._size += len(data)

    def _rotate(self) -> None:
        self.close()
        keep = self._limits.max_file - 1
        if keep < 1:
            self._path.unlink()
        else:
            suffix = ".gz" if self._limits.compress else ""
            for number in range(keep - 1, 0, -1):
                _rename(self._rotated(number, suffix), self._rotated(number + 1, suffix))
            if suffix:
                _compress(self._path, self._rotated(1, suffix))
            else:
                self._path.rename(self._rotated(1, ""))
        self._open()

    def _rotated(self, number: int, suffix: str) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}{suffix}")


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
