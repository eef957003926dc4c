"""What the port proxy does with one bind: carries TCP or UDP to a container, or only keeps the port from others.

Standard library only: the proxy has to start fast and stay small.
"""

import asyncio
import contextlib
import socket
from typing import Any

UDP_IDLE_S = 90.0
CONNECT_TIMEOUT_S = 10.0
CHUNK = 1 << 16

Address = tuple[str, int]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until the sender's end, which is passed on: a half-closed connection stays half-closed."""
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


class TCPBind:
    def __init__(self, container: Address) -> None:
        self._container = container

    async def start(self, sock: socket.socket) -> None:
        self._server = await asyncio.start_server(self._serve, sock=sock, backlog=512)

    def close(self) -> None:
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                back_reader, back_writer = await asyncio.open_connection(*self._container)
        except (OSError, TimeoutError):
            writer.close()
            return
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(_copy(reader, back_writer))
                both.create_task(_copy(back_reader, writer))
        except* OSError:
            pass  # one side is gone: the other one's connection ends below
        finally:
            writer.close()
            back_writer.close()


class HeldBind:
    """Somebody else carries the traffic; this keeps the port from others."""

    async def start(self, sock: socket.socket) -> None:
        self._socket = sock

    def close(self) -> None:
        self._socket.close()


class UDPBack(asyncio.DatagramProtocol):
    """What a client's datagrams are answered with."""

    def __init__(self, front: asyncio.DatagramTransport, client: Any) -> None:
        self._front, self._client = front, client
        self.last_used = asyncio.get_running_loop().time()

    def datagram_received(self, data: bytes, _address: Any) -> None:
        self.last_used = asyncio.get_running_loop().time()
        self._front.sendto(data, self._client)


class UDPBind(asyncio.DatagramProtocol):
    """One socket to the container per client, for as long as they talk."""

    def __init__(self, container: Address) -> None:
        self._container = container
        self._backs: dict[Any, tuple[asyncio.DatagramTransport, UDPBack]] = {}

    async def start(self, sock: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._front, _ = await self._loop.create_datagram_endpoint(lambda: self, sock=sock)
        self._sweeper = self._loop.call_later(UDP_IDLE_S, self._sweep)

    def close(self) -> None:
        self._sweeper.cancel()
        self._front.close()
        for back, _ in self._backs.values():
            back.close()

    def datagram_received(self, data: bytes, client: Any) -> None:
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
            back.sendto(data)

    def _sweep(self) -> None:
        oldest = self._loop.time() - UDP_IDLE_S
        for client in [c for c, (_, answers) in self._backs.items() if answers.last_used < oldest]:
            self._backs.pop(client)[0].close()
        self._sweeper = self._loop.call_later(UDP_IDLE_S, self._sweep)


_kept: set["asyncio.Future[Any]"] = set()


def _keep(task: "asyncio.Future[Any]") -> None:
    _kept.add(task)
    task.add_done_callback(_kept.discard)


def open_socket(protocol: str, host: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in host[0] else socket.AF_INET
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
