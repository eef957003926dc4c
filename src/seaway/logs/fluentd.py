"""The fluentd driver: fluentd's forward protocol, msgpack over tcp, TLS or a unix socket, acknowledged on demand."""

import re
import secrets
import ssl
import struct
from collections.abc import Sequence
from typing import Any

import msgspec

from seaway.base.units import parse_size
from seaway.logs.driver import ContainerInfo, InvalidLogOption, LoggingNotReadable, LogReading, ReadRequest
from seaway.logs.localframe import nanoseconds
from seaway.logs.options import TRUE, Options, extra_attributes, parse_bool, parse_integer, tag_of
from seaway.logs.remote import Address, Connection, DeliveryFailed
from seaway.logs.spool import LogLine

OPTIONS = frozenset({
    "fluentd-address", "fluentd-async", "fluentd-async-connect", "fluentd-async-reconnect-interval",
    "fluentd-buffer-limit", "fluentd-max-retries", "fluentd-request-ack", "fluentd-retry-wait",
    "fluentd-sub-second-precision", "fluentd-write-timeout", "tag", "labels", "labels-regex", "env", "env-regex",
})  # fmt: skip
_BOOLEANS = ("fluentd-async", "fluentd-async-connect", "fluentd-request-ack", "fluentd-sub-second-precision")
_DURATIONS = ("fluentd-retry-wait", "fluentd-async-reconnect-interval", "fluentd-write-timeout")
_DURATION = re.compile(r"([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+|0")
BATCH_LINES = 1000
_EVENT_TIME = struct.Struct(">II")
_encoder = msgspec.msgpack.Encoder()


class FluentdDriver:
    def __init__(self, info: ContainerInfo) -> None:
        options, address = info.options, parse_address(info.options.get("fluentd-address", ""))
        self._connection = Connection(address, ssl.create_default_context() if address.network == "tcp+tls" else None)
        self._is_async = any(options.get(name) in TRUE for name in _BOOLEANS[:2])
        self._wants_ack = options.get("fluentd-request-ack") in TRUE
        self._is_precise = options.get("fluentd-sub-second-precision") in TRUE
        self._tag = tag_of(info)
        self._record = {"container_id": info.id, "container_name": info.name, **extra_attributes(info)}
        self._pieces: dict[bytes, tuple[str, int]] = {}

    def open(self) -> None:
        if not self._is_async:
            self._connection.open()

    def write(self, lines: Sequence[LogLine]) -> None:
        for start in range(0, len(lines), BATCH_LINES):
            self._send([self._entry(*line) for line in lines[start : start + BATCH_LINES]])

    def read(self, request: ReadRequest) -> LogReading:
        raise LoggingNotReadable

    def close(self) -> None:
        self._connection.close()

    def remove(self) -> None:
        self.close()

    def _send(self, entries: list[Any]) -> None:
        chunk = secrets.token_urlsafe(16)
        options: dict[str, Any] = {"size": len(entries)}
        if self._wants_ack:
            options["chunk"] = chunk
        self._connection.send(_encoder.encode([self._tag, entries, options]))
        if self._wants_ack:
            self._await(chunk)

    def _await(self, chunk: str) -> None:
        """Raises DeliveryFailed unless the receiver says that it has this one."""
        answer = b""
        while True:
            answer += self._connection.receive()
            try:
                told = msgspec.msgpack.decode(answer)
            except msgspec.DecodeError:
                continue
            if isinstance(told, dict) and told.get("ack") == chunk:
                return
            self._connection.close()
            raise DeliveryFailed("fluentd acknowledged another chunk than the one that was sent")

    def _entry(self, time: bytes, stream: bytes, flag: bytes, text: bytes) -> list[Any]:
        record = {**self._record, "source": stream.decode(), "log": text.removesuffix(b"\n").decode(errors="replace")}
        is_end = flag == b"F"
        if not is_end or stream in self._pieces:
            identity, ordinal = self._pieces.pop(stream, (secrets.token_hex(32), 1))
            record |= {"partial_message": "true", "partial_id": identity, "partial_ordinal": str(ordinal)}
            record["partial_last"] = str(is_end).lower()
            if not is_end:
                self._pieces[stream] = identity, ordinal + 1
        return [self._time(nanoseconds(time)), record]

    def _time(self, ns: int) -> Any:
        seconds, fraction = divmod(ns, 1_000_000_000)
        return msgspec.msgpack.Ext(0, _EVENT_TIME.pack(seconds, fraction)) if self._is_precise else seconds


def validate(options: Options) -> None:
    for name in _BOOLEANS:
        if options.get(name):
            parse_bool(options[name])
    for name in _DURATIONS:
        if (text := options.get(name)) and not _DURATION.fullmatch(text):
            raise InvalidLogOption(f'time: invalid duration "{text}"')
    if text := options.get("fluentd-buffer-limit"):
        parse_size(text)
    if text := options.get("fluentd-max-retries"):
        parse_integer(text, "ParseUint")
    if "fluentd-async" in options and "fluentd-async-connect" in options:
        text = "conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect"
        raise InvalidLogOption(text)
    parse_address(options.get("fluentd-address", ""))


def parse_address(text: str) -> Address:
    network, separator, rest = text.partition("://") if "://" in text else ("tcp", "", text)
    if network == "unix":
        return Address("unix", rest)
    if separator and network not in ("tcp", "tls"):
        network, rest = "tcp", text
    host, colon, port = rest.partition(":")
    if colon and not port.isdecimal():
        raise InvalidLogOption(f'invalid fluentd-address {text}: strconv.Atoi: parsing "{port}": invalid syntax')
    return Address("tcp+tls" if network == "tls" else "tcp", host or "127.0.0.1", int(port or 24224))
