"""A connection to where log lines go: made when there is something to send, made again after a failure."""

import select
import socket
import ssl
from dataclasses import dataclass

from seaway.base.errors import SystemFailure

CONNECT_TIMEOUT_S, SEND_TIMEOUT_S = 5.0, 10.0


class DeliveryFailed(SystemFailure):
    """Nothing says that the lines have arrived: they are to be sent again."""


@dataclass(frozen=True, slots=True)
class Address:
    """`network` is tcp, tcp+tls, udp, unix or unixgram; `host` is a path for the last two."""

    network: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        where = self.host if self.network.startswith("unix") else f"{self.host}:{self.port}"
        return f"{'tcp' if self.network == 'tcp+tls' else self.network} {where}"


class Connection:
    def __init__(self, address: Address, tls: ssl.SSLContext | None = None) -> None:
        self._address, self._tls = address, tls
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Raises DeliveryFailed, whose text is Go's."""
        if self._socket is None:
            try:
                self._socket = self._connect()
            except OSError as failure:
                reason = (failure.strerror or str(failure)).lower()
                raise DeliveryFailed(f"dial {self._address}: connect: {reason}") from failure

    def send(self, message: bytes) -> None:
        """A stream's bytes, or one datagram."""
        if self._socket is not None and self._has_ended(self._socket):
            self.close()
        self.open()
        assert self._socket
        try:
            self._socket.sendall(message)
        except OSError as failure:
            self.close()
            raise DeliveryFailed(f"write {self._address}: {(failure.strerror or str(failure)).lower()}") from failure

    def receive(self, size: int = 4096) -> bytes:
        """What the other side answers. Raises DeliveryFailed where it does not."""
        assert self._socket
        try:
            if answer := self._socket.recv(size):
                return answer
            reason = "connection closed"
        except OSError as failure:
            reason = (failure.strerror or str(failure)).lower()
        self.close()
        raise DeliveryFailed(f"read {self._address}: {reason}")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connect(self) -> socket.socket:
        match self._address.network:
            case "unix" | "unixgram" as network:
                kind = socket.SOCK_STREAM if network == "unix" else socket.SOCK_DGRAM
                made = socket.socket(socket.AF_UNIX, kind)
                made.settimeout(SEND_TIMEOUT_S)
                made.connect(self._address.host)
                return made
            case "udp":
                family, kind, _, _, target = socket.getaddrinfo(
                    self._address.host, self._address.port, type=socket.SOCK_DGRAM
                )[0]
                made = socket.socket(family, kind)
                made.connect(target)
                return made
        made = socket.create_connection((self._address.host, self._address.port), CONNECT_TIMEOUT_S)
        made.settimeout(SEND_TIMEOUT_S)
        return self._tls.wrap_socket(made, server_hostname=self._address.host) if self._tls else made

    def _has_ended(self, connected: socket.socket) -> bool:
        """A stream whose other side is gone swallows one more write before it says so."""
        if self._address.network not in ("tcp", "unix"):
            return False
        poll = select.poll()
        poll.register(connected, select.POLLIN)
        try:
            return bool(poll.poll(0)) and connected.recv(1, socket.MSG_PEEK) == b""
        except OSError:
            return True
