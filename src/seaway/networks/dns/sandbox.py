"""One container's DNS: its two sockets, and what it sees. Local answers are given at once; the rest is asked for."""

import asyncio
import contextlib
import socket
from typing import Any

import dns.rcode

from seaway.networks.dns.answers import Answerer, FormError, refusal
from seaway.networks.dns.forward import Forwarder, Server
from seaway.networks.dns.zone import View

BATCH = 64
TCP_IDLE_S = 10.0


class Sandbox:
    """One container's two sockets and what it sees."""

    def __init__(self, answerer: Answerer, udp: socket.socket, tcp: socket.socket) -> None:
        self._answerer, self._udp, self._tcp = answerer, udp, tcp
        self._tasks: set[asyncio.Task[None]] = set()
        self._view = View(())
        self._forwarder = Forwarder("", ())

    async def start(self) -> None:
        self._udp.setblocking(False)
        asyncio.get_running_loop().add_reader(self._udp, self._read)
        self._server = await asyncio.start_server(self._converse, sock=self._tcp)

    def look(self, view: dict[str, Any]) -> None:
        self._view = View(tuple(view["networks"]), tuple(view["links"].items()))
        self._forwarder = Forwarder(view["netns"], [Server(a, in_host=h) for a, h in view["servers"]])

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
                answer = self._answerer.answer(query, self._view)
            except FormError:
                answer = refusal(query, dns.rcode.FORMERR)
            else:
                if answer is None:
                    self._begin(query, client)
                    continue
            self._send(answer, client)

    def _begin(self, query: bytes, client: Any) -> None:
        task = asyncio.ensure_future(self._forward(query, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, query: bytes, client: Any) -> None:
        self._send(await self._forwarder.ask(query, tcp=False), client)

    def _send(self, answer: bytes | None, client: Any) -> None:
        if answer:
            with contextlib.suppress(OSError):  # the client has gone, or its buffer is full: it asks again
                self._udp.sendto(answer, client)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                async with asyncio.timeout(TCP_IDLE_S):
                    query = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
                try:
                    answer = self._answerer.answer(query, self._view, tcp=True)
                    answer = answer or await self._forwarder.ask(query, tcp=True)
                except FormError:
                    answer = refusal(query, dns.rcode.FORMERR)
                if not answer:
                    return
                writer.write(len(answer).to_bytes(2, "big") + answer)
                await writer.drain()
        except (OSError, EOFError, TimeoutError):
            pass  # it stalls or is gone
        finally:
            writer.close()
