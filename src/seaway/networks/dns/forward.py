"""Asks other servers for a container, from its own network namespace or from the host's, as bytes: whatever EDNS or
record type a client uses goes through untouched."""

import asyncio
import os
import socket
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import dns.rcode

from seaway.kernel.syscalls import CLONE_NEWNET, setns
from seaway.networks.dns.answers import refusal
from seaway.networks.dns.cache import Cache

TIMEOUT_S = 4.0
PATIENCE_S = 1.0
"""So long has a server the question for itself; then the next one is asked, too."""
DISTRUST_S = 30.0
"""So long is a server that did not answer asked after the others."""
MOST_AT_ONCE = 1024
MOST_SERVERS = 3
UNHELPFUL = (dns.rcode.SERVFAIL, dns.rcode.REFUSED)
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Server:
    address: str
    in_host: bool = False


class Forwarder:
    """For one sandbox, whose namespace has the file `netns`. No servers: its networks are internal. What they said is
    known to all sandboxes with the same servers and `networks`."""

    def __init__(self, netns: str, servers: Sequence[Server], cache: Cache, networks: Hashable = ()) -> None:
        self._netns, self._servers = netns, tuple(servers[:MOST_SERVERS])
        self._cache, self._scope = cache, (self._servers, networks)
        self._silent: dict[Server, float] = {}
        self._under_way = 0

    def known(self, query: bytes) -> bytes | None:
        return self._cache.find(self._scope, query) if self._servers else None

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        """The first helpful answer, or SERVFAIL; one of the servers being slow costs the next question nothing."""
        if self._under_way >= MOST_AT_ONCE:
            return refusal(query, dns.rcode.REFUSED)
        self._under_way += 1
        try:
            answer = await self._ask_each(query, tcp=tcp)
        finally:
            self._under_way -= 1
        if answer is None:
            return refusal(query, dns.rcode.SERVFAIL)
        self._cache.keep(self._scope, query, answer)
        return answer

    async def _ask_each(self, query: bytes, *, tcp: bool) -> bytes | None:
        """Each in turn, and none of them waits for a silent one's end."""
        waiting, last = self._in_order(), None
        asked: set[asyncio.Task[bytes | None]] = set()
        try:
            while waiting or asked:
                if waiting:
                    server = waiting.pop(0)
                    asked.add(asyncio.ensure_future(self._ask_one(server, query, tcp=tcp)))
                patience = PATIENCE_S if waiting else None
                done, asked = await asyncio.wait(asked, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                if not done:
                    self._distrust(server)
                for answer in filter(None, (each.result() for each in done)):
                    if answer[3] & 0xF not in UNHELPFUL:
                        return answer
                    last = answer
            return last
        finally:
            for each in asked:
                each.cancel()

    def _distrust(self, server: Server) -> None:
        self._silent[server] = asyncio.get_running_loop().time()

    def _in_order(self) -> list[Server]:
        now = asyncio.get_running_loop().time()
        return sorted(self._servers, key=lambda s: self._silent.get(s, -DISTRUST_S) + DISTRUST_S > now)

    async def _ask_one(self, server: Server, query: bytes, *, tcp: bool) -> bytes | None:
        """None where it does not say anything."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                answer = await self._by(server, query, tcp=tcp)
        except (OSError, TimeoutError, EOFError):
            self._distrust(server)
            return None
        self._silent.pop(server, None)
        return answer

    async def _by(self, server: Server, query: bytes, *, tcp: bool) -> bytes:
        """There are servers without TCP; what fits into a datagram they still say."""
        if not tcp:
            return await self._by_udp(server, query)
        try:
            return await self._by_tcp(server, query)
        except (OSError, EOFError):
            return await self._by_udp(server, query)

    async def _by_udp(self, server: Server, query: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        with self._socket(server, socket.SOCK_DGRAM) as asking:
            asking.connect((server.address, DNS_PORT))
            await loop.sock_sendall(asking, query)
            while True:
                answer = await loop.sock_recv(asking, 65535)
                if len(answer) >= 12 and answer[:2] == query[:2]:
                    return answer

    async def _by_tcp(self, server: Server, query: bytes) -> bytes:
        with self._socket(server, socket.SOCK_STREAM) as asking:
            await asyncio.get_running_loop().sock_connect(asking, (server.address, DNS_PORT))
            reader, writer = await asyncio.open_connection(sock=asking)
            try:
                writer.write(len(query).to_bytes(2, "big") + query)
                answer = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            finally:
                writer.close()
        if len(answer) < 12:
            raise EOFError("an answer without a header")
        return answer

    def _socket(self, server: Server, kind: int) -> socket.socket:
        """A socket belongs to the namespace in which it was made; this thread is there for no longer than that."""
        family = socket.AF_INET6 if ":" in server.address else socket.AF_INET
        made = socket.socket(family, kind) if server.in_host else _made_inside(self._netns, family, kind)
        made.setblocking(False)
        return made


def _made_inside(netns: str, family: int, kind: int) -> socket.socket:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        there = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(there, CLONE_NEWNET)
            return socket.socket(family, kind)
        finally:
            setns(home, CLONE_NEWNET)
            os.close(there)
    finally:
        os.close(home)
