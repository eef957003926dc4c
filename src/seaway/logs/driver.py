"""What a log driver does, and what it is told about the container."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import msgspec

from seaway.base.errors import InvalidParameter, NotImplementedByEngine
from seaway.logs.spool import LogLine


class LoggingNotReadable(NotImplementedByEngine):
    def __init__(self) -> None:
        super().__init__("configured logging driver does not support reading")


class InvalidLogOption(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class ContainerInfo:
    id: str
    directory: Path
    name: str = ""
    image_id: str = ""
    image_name: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    env: Sequence[str] = ()
    options: Mapping[str, str] = field(default_factory=dict)
    daemon_name: str = "docker"
    command: str = ""
    created: str = ""


class LogEntry(msgspec.Struct, gc=False):
    """A line as json-file keeps it; `time` is RFC 3339 with a Z. Not frozen, for a log has millions."""

    log: str = ""
    stream: str = ""
    attrs: dict[str, str] | None = None
    time: str = ""

    @property
    def text(self) -> bytes:
        return self.log.encode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class ReadRequest:
    """`since_ns` and `until_ns` count from 1970, 0 where not given; `tail` is None for all lines."""

    stdout: bool = True
    stderr: bool = True
    tail: int | None = None
    since_ns: int = 0
    until_ns: int = 0
    follow: bool = False


class LogReading(Protocol):
    """A reader's place in a log. `batches` gives what is there, oldest first; called again, what came since."""

    def batches(self) -> AsyncGenerator[list[LogEntry]]: ...
    def close(self) -> None: ...


class LogDriver(Protocol):
    """Where a container's lines go. `write`, `close` and `remove` may block: they run in a worker thread.

    `open` is called before each start of the container, which does not start where it raises. `write` returns when
    the lines are the driver's; the same lines may come again after a crash of the engine.
    A driver that cannot be read raises LoggingNotReadable from `read`. `close` may be followed by a `write`.
    `remove` takes every file away, and is a no-op where there is none.
    """

    def open(self) -> None: ...
    def write(self, lines: Sequence[LogLine]) -> None: ...
    def read(self, request: ReadRequest) -> LogReading: ...
    def close(self) -> None: ...
    def remove(self) -> None: ...
