"""The journald driver: one entry a line, in the journal's own protocol. `docker logs` reads the cache."""

import re
import struct
from collections.abc import Sequence
from pathlib import Path

from seaway.logs.driver import ContainerInfo, LoggingNotReadable, LogReading, ReadRequest
from seaway.logs.options import Options, extra_attributes, tag_of
from seaway.logs.remote import Address, Connection, DeliveryFailed
from seaway.logs.spool import LogLine

OPTIONS = frozenset({"labels", "labels-regex", "env", "env-regex", "tag"})
SOCKET = Path("/run/systemd/journal/socket")
INFO, ERROR = b"6", b"3"
_LENGTH = struct.Struct("<Q")


class JournaldDriver:
    def __init__(self, info: ContainerInfo, path: Path = SOCKET) -> None:
        self._path, self._connection = path, Connection(Address("unixgram", str(path)))
        tag = tag_of(info)
        known = {
            "CONTAINER_ID": info.id[:12],
            "CONTAINER_ID_FULL": info.id,
            "CONTAINER_NAME": info.name.removeprefix("/"),
            "CONTAINER_TAG": tag,
            "IMAGE_NAME": info.image_name,
            "SYSLOG_IDENTIFIER": tag,
            **{field_name(name): value for name, value in extra_attributes(info).items()},
        }
        self._fields = b"".join(field(name, value.encode()) for name, value in known.items())

    def open(self) -> None:
        if not self._path.exists():
            raise DeliveryFailed("journald is not enabled on this host")
        self._connection.open()

    def write(self, lines: Sequence[LogLine]) -> None:
        for time, stream, flag, text in lines:
            message = text.removesuffix(b"\n")
            entry = self._fields + field("MESSAGE", message)
            entry += field("PRIORITY", ERROR if stream == b"stderr" else INFO)
            entry += field("SYSLOG_TIMESTAMP", b"%bZ" % time)
            if flag == b"P":
                entry += field("CONTAINER_PARTIAL_MESSAGE", b"true")
            self._connection.send(entry)

    def read(self, request: ReadRequest) -> LogReading:
        raise LoggingNotReadable

    def close(self) -> None:
        self._connection.close()

    def remove(self) -> None:
        self.close()


def field(name: str, value: bytes) -> bytes:
    if b"\n" in value:
        return b"%b\n%b%b\n" % (name.encode(), _LENGTH.pack(len(value)), value)
    return b"%b=%b\n" % (name.encode(), value)


def field_name(text: str) -> str:
    """A journal's field has capitals, digits and underscores, and does not begin with one of the latter."""
    return re.sub(r"[^A-Z0-9_]", "_", text.upper()).lstrip("_")


def validate(options: Options) -> None:
    """Its options have no values to be wrong."""
