"""Asks other servers for a container, from its own network namespace or from the host's, as bytes: whatever EDNS or
record type a client uses goes through untouched."""

import asyncio
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass

import dns.rcode

from seaway.kernel.syscalls import CLONE_NEWNET, setns
from seaway.networks.dns.answers import refusal

TIMEOUT_S = 4.0
MOST_AT_ONCE = 1024
MOST_SERVERS = 3
UNHELPFUL = (dns.rcode.SERVFAIL, dns.rcode.REFUSED)
DNS_PORT = 53


@dataclass(frozen=True, slots=True)
class Server:
    address: str
    in_host: bool = False


class Forwarder:
    """For one sandbox, whose namespace has the file `netns`. No servers: its networks are internal."""

    def __init__(self, netns: str, servers: Sequence[Server]) -> None:
        self._netns, self._servers = netns, tuple(servers[:MOST_SERVERS])
        self._under_way = 0

    async def ask(self, query: bytes, *, tcp: bool) -> bytes | None:
        """The first helpful answer, or SERVFAIL; one of the servers being slow costs the next question nothing."""
        if self._under_way >= MOST_AT_ONCE:
            return refusal(query, dns.rcode.REFUSED)
        self._under_way += 1
        try:
            return await self._ask_each(query, tcp=tcp) or refusal(query, dns.rcode.SERVFAIL)
        finally:
            self._under_way -= 1

    async def _ask_each(self, query: bytes, *, tcp: bool) -> bytes | None:
        last = None
        for server in self._servers:
            try:
                async with asyncio.timeout(TIMEOUT_S):
                    last = await (self._by_tcp(server, query) if tcp else self._by_udp(server, query))
            except (OSError, TimeoutError, EOFError):
                continue
            if last[3] & 0xF not in UNHELPFUL:
                return last
        return last

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
