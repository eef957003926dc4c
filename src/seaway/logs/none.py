"""The `none` driver: lines are taken and forgotten."""

from collections.abc import Sequence

from seaway.logs.driver import ContainerInfo, LoggingNotReadable, LogReading, ReadRequest
from seaway.logs.spool import LogLine


class NoneDriver:
    def __init__(self, info: ContainerInfo) -> None:
        pass

    def open(self) -> None:
        pass

    def write(self, lines: Sequence[LogLine]) -> None:
        pass

    def read(self, request: ReadRequest) -> LogReading:
        raise LoggingNotReadable

    def close(self) -> None:
        pass

    def remove(self) -> None:
        pass
