"""The gelf driver: Graylog's JSON, compressed and in chunks over udp, ended by a NUL over tcp."""

import gzip
import os
import re
import socket
import zlib
from collections.abc import Sequence

import msgspec

from seaway.logs.driver import ContainerInfo, InvalidLogOption, LoggingNotReadable, LogReading, ReadRequest
from seaway.logs.localframe import nanoseconds
from seaway.logs.options import Options, extra_attributes, tag_of
from seaway.logs.remote import Address, Connection
from seaway.logs.spool import LogLine

OPTIONS = frozenset({
    "gelf-address", "gelf-compression-type", "gelf-compression-level", "gelf-tcp-max-reconnect",
    "gelf-tcp-reconnect-delay", "tag", "labels", "labels-regex", "env", "env-regex",
})  # fmt: skip
CHUNK_BYTES, HEADER_BYTES, MOST_CHUNKS = 1420, 12, 128
INFO, ERROR = 6, 3
_BY_PROTOCOL = {"gelf-compression-type": "udp", "gelf-compression-level": "udp"}


class GelfDriver:
    def __init__(self, info: ContainerInfo) -> None:
        address = parse_address(info.options.get("gelf-address", ""))
        self._connection, self._is_udp = Connection(address), address.network == "udp"
        self._compression = info.options.get("gelf-compression-type") or "gzip"
        self._level = int(info.options.get("gelf-compression-level", "1"))
        self._extra: dict[str, object] = {
            "_container_id": info.id,
            "_container_name": info.name.removeprefix("/"),
            "_image_id": info.image_id,
            "_image_name": info.image_name,
            "_command": info.command,
            "_tag": tag_of(info),
            "_created": info.created,
            **{f"_{name}": value for name, value in extra_attributes(info).items()},
        }
        self._host = socket.gethostname()

    def open(self) -> None:
        self._connection.open()

    def write(self, lines: Sequence[LogLine]) -> None:
        messages = [self._message(*line) for line in lines if line[3] not in (b"", b"\n")]
        if self._is_udp:
            for message in messages:
                for datagram in chunks(compress(message, self._compression, self._level)):
                    self._connection.send(datagram)
        elif messages:
            self._connection.send(b"".join(message + b"\0" for message in messages))

    def read(self, request: ReadRequest) -> LogReading:
        raise LoggingNotReadable

    def close(self) -> None:
        self._connection.close()

    def remove(self) -> None:
        self.close()

    def _message(self, time: bytes, stream: bytes, flag: bytes, text: bytes) -> bytes:
        return msgspec.json.encode(
            {
                "version": "1.1",
                "host": self._host,
                "short_message": text.removesuffix(b"\n").decode(errors="replace"),
                "timestamp": nanoseconds(time) // 1_000_000 / 1000,
                "level": ERROR if stream == b"stderr" else INFO,
                **self._extra,
            }
        )


def compress(message: bytes, kind: str, level: int) -> bytes:
    match kind:
        case "gzip":
            return gzip.compress(message, level, mtime=0) if level >= 0 else gzip.compress(message, mtime=0)
        case "zlib":
            return zlib.compress(message, level)
    return message


def chunks(message: bytes) -> list[bytes]:
    """A message too long even for the most chunks that there may be is cut: half of it is better than none."""
    if len(message) <= CHUNK_BYTES:
        return [message]
    room = CHUNK_BYTES - HEADER_BYTES
    pieces = [message[at : at + room] for at in range(0, len(message), room)][:MOST_CHUNKS]
    identity = os.urandom(8)
    return [b"\x1e\x0f%b%c%c%b" % (identity, n, len(pieces), piece) for n, piece in enumerate(pieces)]


def validate(options: Options) -> None:
    address = parse_address(options.get("gelf-address", ""))
    for name, value in options.items():
        if name not in OPTIONS:
            continue
        if name in _BY_PROTOCOL and address.network != "udp":
            raise InvalidLogOption("compression is only supported on UDP")
        if name == "gelf-compression-type" and value not in ("gzip", "zlib", "none"):
            raise InvalidLogOption(f'unknown value "{value}" for log opt "{name}" for gelf log driver')
        if name == "gelf-compression-level" and not re.fullmatch(r"-1|[0-9]", value):
            raise InvalidLogOption(f'unknown value "{value}" for log opt "{name}" for gelf log driver')
        if name.startswith("gelf-tcp-"):
            if address.network != "tcp":
                raise InvalidLogOption(f'"{name}" is only valid for TCP')
            if not value.isdecimal():
                raise InvalidLogOption(f'"{name}" must be a positive integer')


def parse_address(text: str) -> Address:
    if not text:
        raise InvalidLogOption("gelf-address is a required parameter")
    network, separator, rest = text.partition("://")
    if not separator or network not in ("tcp", "udp"):
        raise InvalidLogOption(f"gelf-address should be in form proto://address, got {text}")
    host, _, port = rest.rpartition(":")
    if not host or not port.isdecimal():
        raise InvalidLogOption("gelf: please provide gelf-address as proto://host:port")
    return Address(network, host.strip("[]"), int(port))
