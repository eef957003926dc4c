"""The syslog driver: RFC 3164 and 5424 over udp, tcp, TLS and local sockets, framed as dockerd's srslog frames."""

import os
import socket
import ssl
import time as clock
from collections.abc import Callable, Sequence
from pathlib import Path

from seaway.base.clock import format_time
from seaway.logs.driver import ContainerInfo, InvalidLogOption, LoggingNotReadable, LogReading, ReadRequest
from seaway.logs.localframe import nanoseconds
from seaway.logs.options import TRUE, Options, tag_of
from seaway.logs.remote import Address, Connection, DeliveryFailed
from seaway.logs.spool import LogLine

OPTIONS = frozenset({
    "syslog-address", "syslog-facility", "syslog-tls-ca-cert", "syslog-tls-cert", "syslog-tls-key",
    "syslog-tls-skip-verify", "syslog-format", "syslog-tag", "tag", "labels", "labels-regex", "env", "env-regex",
})  # fmt: skip
FACILITIES = (
    *("kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp"),
    *("", "", "", ""),
    *(f"local{number}" for number in range(8)),
)
LOCAL_SOCKETS = ("/dev/log", "/var/run/syslog", "/var/run/log")
INFO, ERROR = 6, 3


class SyslogDriver:
    def __init__(self, info: ContainerInfo) -> None:
        options = info.options
        address = parse_address(options.get("syslog-address", "")) or _local_address()
        tls = _tls(options) if address.network == "tcp+tls" else None
        self._connection = Connection(address, tls)
        facility = parse_facility(options.get("syslog-facility", ""))
        self._priorities = {b"stdout": facility * 8 + INFO, b"stderr": facility * 8 + ERROR}
        tag = tag_of(info)
        self._format = FORMATS[options.get("syslog-format", "")](tag)
        self._is_counted = address.network == "tcp+tls" and options.get("syslog-format", "").startswith("rfc5424")
        self._is_datagram = address.network in ("udp", "unixgram")

    def open(self) -> None:
        self._connection.open()

    def write(self, lines: Sequence[LogLine]) -> None:
        messages = [self._message(*line) for line in lines if line[3] not in (b"", b"\n")]
        for message in messages if self._is_datagram else filter(None, [b"".join(messages)]):
            self._connection.send(message)

    def read(self, request: ReadRequest) -> LogReading:
        raise LoggingNotReadable

    def close(self) -> None:
        self._connection.close()

    def remove(self) -> None:
        self.close()

    def _message(self, time: bytes, stream: bytes, flag: bytes, text: bytes) -> bytes:
        message = self._format(self._priorities[stream], nanoseconds(time)) + text.removesuffix(b"\n") + b"\n"
        return b"%d %b" % (len(message), message) if self._is_counted else message


Format = Callable[[int, int], bytes]


def _unix(tag: str) -> Format:
    return lambda priority, ns: f"<{priority}>{_stamp(ns)} {tag}[{os.getpid()}]: ".encode()


def _rfc3164(tag: str) -> Format:
    host = socket.gethostname()
    return lambda priority, ns: f"<{priority}>{_stamp(ns)} {host} {tag}[{os.getpid()}]: ".encode()


def _rfc5424(tag: str) -> Format:
    return _with_time(tag, lambda ns: format_time(ns // 1_000_000_000 * 1_000_000_000))


def _rfc5424micro(tag: str) -> Format:
    return _with_time(tag, lambda ns: f"{format_time(ns // 1_000_000_000 * 1_000_000_000)[:-1]}.{_micros(ns):06d}Z")


def _with_time(tag: str, shown: Callable[[int], str]) -> Format:
    host = socket.gethostname()
    return lambda priority, ns: f"<{priority}>1 {shown(ns)} {host} {tag} {os.getpid()} {tag} - ".encode()


def _micros(ns: int) -> int:
    return ns % 1_000_000_000 // 1000


def _stamp(ns: int) -> str:
    """Go's time.Stamp, in local time: `Nov  4 08:16:02`."""
    local = clock.localtime(ns // 1_000_000_000)
    return f"{clock.strftime('%b', local)} {local.tm_mday:2d} {clock.strftime('%H:%M:%S', local)}"


FORMATS = {"": _unix, "rfc3164": _rfc3164, "rfc5424": _rfc5424, "rfc5424micro": _rfc5424micro}


def validate(options: Options) -> None:
    parse_address(options.get("syslog-address", ""))
    parse_facility(options.get("syslog-facility", ""))
    if options.get("syslog-format", "") not in FORMATS:
        raise InvalidLogOption("Invalid syslog format")


def parse_address(text: str) -> Address | None:
    """None for the machine's own syslog."""
    if not text:
        return None
    network, separator, rest = text.partition("://")
    if not separator or network not in ("tcp", "tcp+tls", "udp", "unix", "unixgram"):
        raise InvalidLogOption(f"syslog-address should be in form proto://address, got {text}")
    if network.startswith("unix"):
        if not Path(rest).exists():
            raise InvalidLogOption(f"stat {rest}: no such file or directory")
        return Address(network, rest)
    host, _, port = rest.partition("/")[0].rpartition(":") if ":" in rest else (rest, "", "")
    if port and not port.isdecimal():
        raise InvalidLogOption(f"address {rest}: invalid port")
    return Address(network, host.strip("[]") or "localhost", int(port or 514))


def parse_facility(text: str) -> int:
    if not text:
        return FACILITIES.index("daemon")
    if text in FACILITIES:
        return FACILITIES.index(text)
    if text.isdecimal() and int(text) < len(FACILITIES):
        return int(text)
    raise InvalidLogOption("invalid syslog facility")


def _local_address() -> Address:
    for path in LOCAL_SOCKETS:
        if Path(path).exists():
            return Address("unixgram", path)
    raise DeliveryFailed("Unix syslog delivery error")


def _tls(options: Options) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("syslog-tls-ca-cert") or None)
        if certificate := options.get("syslog-tls-cert"):
            context.load_cert_chain(certificate, options.get("syslog-tls-key"))
    except OSError as failure:
        raise DeliveryFailed(f"could not load X509 key pair: {failure}") from failure
    if options.get("syslog-tls-skip-verify") in TRUE:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context
