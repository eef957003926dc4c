"""What the port proxy does with one bind: carries TCP or UDP to a container, or only keeps the port from others.

Standard library only: the proxy has to start fast and stay small.
"""

import asyncio
import contextlib
import socket
from typing import Any

from seaway.networks.relay import relay

UDP_IDLE_S = 90.0
CONNECT_TIMEOUT_S = 10.0
CHUNK = 1 << 16
AT_ONCE = 32
REST_S = 0.1

Address = tuple[str, int]


class TCPBind:
    """No server object: with thousands of ports, those were most of a start's time."""

    def __init__(self, container: Address) -> None:
        self._container = container

    def start(self, sock: socket.socket) -> None:
        self._socket, self._loop = sock, asyncio.get_running_loop()
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                connection, _client = self._socket.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError:  # no descriptors left: whoever has one gets time to end
                self._loop.remove_reader(self._socket)
                self._loop.call_later(REST_S, self._resume)
                return
            connection.setblocking(False)
            _keep(asyncio.ensure_future(self._serve(connection)))

    def _resume(self) -> None:
        if self._socket.fileno() >= 0:
            self._loop.add_reader(self._socket, self._accept)

    async def _serve(self, front: socket.socket) -> None:
        with front, contextlib.suppress(OSError), socket.socket(_family(self._container)) as back:
            back.setblocking(False)
            for side in (front, back):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._loop.sock_connect(back, self._container)
            await relay(front, back)


class HeldBind:
    """Somebody else carries the traffic; this keeps the port from others."""

    def start(self, sock: socket.socket) -> None:
        self._socket = sock

    def close(self) -> None:
        self._socket.close()


class UDPBack(asyncio.DatagramProtocol):
    """What a client's datagrams are answered with."""

    def __init__(self, front: socket.socket, client: Any) -> None:
        self._front, self._client = front, client
        self.last_used = asyncio.get_running_loop().time()

    def datagram_received(self, data: bytes, _address: Any) -> None:
        self.last_used = asyncio.get_running_loop().time()
        with contextlib.suppress(OSError):  # as a full queue anywhere on the way
            self._front.sendto(data, self._client)


class UDPBind:
    """One socket to the container per client, for as long as they talk."""

    def __init__(self, container: Address) -> None:
        self._container = container
        self._backs: dict[Any, tuple[asyncio.DatagramTransport, UDPBack]] = {}
        self._sweeper: asyncio.TimerHandle | None = None

    def start(self, sock: socket.socket) -> None:
        self._loop, self._front = asyncio.get_running_loop(), sock
        self._loop.add_reader(sock, self._read)

    def close(self) -> None:
        if self._sweeper:
            self._sweeper.cancel()
        self._loop.remove_reader(self._front)
        self._front.close()
        for back, _ in self._backs.values():
            back.close()

    def _read(self) -> None:
        for _ in range(AT_ONCE):
            try:
                data, client = self._front.recvfrom(CHUNK)
            except OSError:  # nothing left, or an answer that could not be delivered
                return
            self._received(data, client)

    def _received(self, data: bytes, client: Any) -> None:
        if client in self._backs:
            back, answers = self._backs[client]
            answers.last_used = self._loop.time()
            back.sendto(data)
        else:
            _keep(asyncio.ensure_future(self._begin(data, client)))

    async def _begin(self, data: bytes, client: Any) -> None:
        with contextlib.suppress(OSError):
            back, answers = await self._loop.create_datagram_endpoint(
                lambda: UDPBack(self._front, client), remote_addr=self._container
            )
            if client in self._backs:  # a second datagram was as quick as the first
                back.close()
                back = self._backs[client][0]
            else:
                self._backs[client] = (back, answers)
                self._sweeper = self._sweeper or self._loop.call_later(UDP_IDLE_S, self._sweep)
            back.sendto(data)

    def _sweep(self) -> None:
        oldest = self._loop.time() - UDP_IDLE_S
        for client in [c for c, (_, answers) in self._backs.items() if answers.last_used < oldest]:
            self._backs.pop(client)[0].close()
        self._sweeper = self._loop.call_later(UDP_IDLE_S, self._sweep) if self._backs else None


_kept: set["asyncio.Future[Any]"] = set()


def _keep(task: "asyncio.Future[Any]") -> None:
    _kept.add(task)
    task.add_done_callback(_kept.discard)


def _family(address: Address) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET


def open_socket(protocol: str, host: Address) -> socket.socket:
    family = _family(host)
    sock = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    try:
        if protocol == "tcp":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.setblocking(False)
        sock.bind(host)
        if protocol == "tcp":
            sock.listen(512)  # a second listener is refused here, not at bind
    except OSError:
        sock.close()
        raise
    return sock


def carrier(protocol: str, container: Address | None) -> TCPBind | UDPBind | HeldBind:
    if container is None:
        return HeldBind()
    return TCPBind(container) if protocol == "tcp" else UDPBind(container)
