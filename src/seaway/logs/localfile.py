"""The `local` driver: `containers/<id>/local-logs/container.log`, and the cache of what other drivers take away."""

import os
import struct
from collections.abc import Sequence
from pathlib import Path

from seaway.logs.driver import ContainerInfo, LogReading, ReadRequest
from seaway.logs.filefollow import FileReading
from seaway.logs.localframe import LOCAL_FRAMES, FrameEncoder
from seaway.logs.options import parse_cache_options, parse_local_options
from seaway.logs.rotating import Limits, RotatingFile
from seaway.logs.spool import LogLine

_LENGTH = struct.Struct(">I")


class LocalDriver:
    def __init__(self, info: ContainerInfo) -> None:
        self._log = log = LocalLog(info.directory / "local-logs" / "container.log", parse_local_options(info.options))
        self.open, self.write, self.read, self.close = log.open, log.write, log.read, log.close

    def remove(self) -> None:
        self._log.remove()
        try:
            self._log.path.parent.rmdir()
        except FileNotFoundError:
            pass


class LocalLog:
    """Text in dockerd's records, at any path."""

    def __init__(self, path: Path, limits: Limits) -> None:
        self.path = path
        self._file, self._encoder = RotatingFile(path, limits, cut_unfinished_record), FrameEncoder()

    def open(self) -> None:
        """The file is made with the first line."""

    def write(self, lines: Sequence[LogLine]) -> None:
        self._file.append(self._encoder.encode(lines))

    def read(self, request: ReadRequest) -> LogReading:
        return FileReading(self.path, request, LOCAL_FRAMES)

    def close(self) -> None:
        self._file.close()

    def remove(self) -> None:
        self._file.remove()


def cache_of(info: ContainerInfo) -> LocalLog | None:
    """What `docker logs` reads where the driver cannot be read; None where nobody wants it."""
    limits = parse_cache_options(info.options)
    return LocalLog(info.directory / "container-cached.log", limits) if limits else None


def cut_unfinished_record(fd: int) -> int:
    """A crash may have left the head of a record, which is shipped again as a whole. Answers the file's size."""
    size, end = os.fstat(fd).st_size, 0
    if size >= 8 and _ends_with_record(fd, size):
        return size
    while end + 8 <= size:
        after = end + 8 + _LENGTH.unpack(os.pread(fd, 4, end))[0]
        if after > size:
            break
        end = after
    os.ftruncate(fd, end)
    return end


def _ends_with_record(fd: int, size: int) -> bool:
    tail = os.pread(fd, 4, size - 4)
    start = size - 8 - _LENGTH.unpack(tail)[0]
    return start >= 0 and os.pread(fd, 4, start) == tail
