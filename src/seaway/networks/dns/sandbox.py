"""One container's DNS: its two sockets, and what it sees. Local answers are given at once; the rest is asked for."""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from typing import Any

import dns.rcode

from seaway.networks.dns.answers import Answerer, refusal
from seaway.networks.dns.cache import Cache
from seaway.networks.dns.forward import Forwarder, Server
from seaway.networks.dns.wire import FormError
from seaway.networks.dns.zone import View

BATCH = 64
TCP_IDLE_S = 10.0
MOST_CONVERSATIONS = 128


class Sandbox:
    """One container's two sockets and what it sees."""

    def __init__(self, answerer: Answerer, cache: Cache, udp: socket.socket, tcp: socket.socket) -> None:
        self._answerer, self._cache, self._udp, self._tcp = answerer, cache, udp, tcp
        self._tasks: set[asyncio.Task[None]] = set()
        self._view = View(())
        self._forwarder = Forwarder("", (), cache)
        self._conversations = 0

    async def start(self) -> None:
        self._udp.setblocking(False)
        asyncio.get_running_loop().add_reader(self._udp, self._read)
        self._server = await asyncio.start_server(self._converse, sock=self._tcp)

    def look(self, view: dict[str, Any]) -> None:
        self._view = View(tuple(view["networks"]), tuple(view["links"].items()))
        servers = [Server(a, in_host=h) for a, h in view["servers"]]
        self._forwarder = Forwarder(view["netns"], servers, self._cache, self._view.networks)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._udp)
        self._server.close()
        self._udp.close()
        for task in self._tasks:
            task.cancel()

    def _read(self) -> None:
        """A flood from one container leaves the others their turns."""
        for _ in range(BATCH):
            try:
                query, client = self._udp.recvfrom(65535)
            except (BlockingIOError, ConnectionRefusedError):
                return
            try:
                answer = self._say(query, tcp=False)
            except FormError:
                answer = refusal(query, dns.rcode.FORMERR)
            if answer:
                self._send(answer, client)
            else:
                self._begin(self._forward(query, client))

    def _say(self, query: bytes, *, tcp: bool) -> bytes | None:
        """At once, or None: somebody else has to be asked. Raises FormError."""
        return self._answerer.answer(query, self._view, tcp=tcp) or self._forwarder.known(query)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, query: bytes, client: Any) -> None:
        self._send(await self._forwarder.ask(query, tcp=False), client)

    def _send(self, answer: bytes | None, client: Any) -> None:
        if answer:
            with contextlib.suppress(OSError):  # the client has gone, or its buffer is full: it asks again
                self._udp.sendto(answer, client)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions of one connection may overtake each other, as RFC 7766 has it: none waits for another's server."""
        self._conversations += 1
        try:
            while self._conversations <= MOST_CONVERSATIONS:
                async with asyncio.timeout(TCP_IDLE_S):
                    query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                try:
                    answer = self._say(query, tcp=True)
                except FormError:
                    answer = refusal(query, dns.rcode.FORMERR)
                    if not answer:
                        return
                if answer:
                    await _write(writer, answer)
                else:
                    self._begin(self._forward_by_tcp(query, writer))
        except (OSError, EOFError, TimeoutError):
            pass  # it stalls or is gone
        finally:
            self._conversations -= 1
            writer.close()

    async def _forward_by_tcp(self, query: bytes, writer: asyncio.StreamWriter) -> None:
        if answer := await self._forwarder.ask(query, tcp=True):
            with contextlib.suppress(OSError, TimeoutError):
                await _write(writer, answer)


async def _write(writer: asyncio.StreamWriter, answer: bytes) -> None:
    """Raises TimeoutError for a client that does not read what it asked for."""
    writer.write(len(answer).to_bytes(2, "big") + answer)
    async with asyncio.timeout(TCP_IDLE_S):
        await writer.drain()
