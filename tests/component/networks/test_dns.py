"""The DNS server of one sandbox, with clients and other servers of every kind, on real sockets."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
from isolated import isolated

from seaway.kernel import process
from seaway.networks.dns.answers import Answerer
from seaway.networks.dns.cache import Cache
from seaway.networks.dns.sandbox import MOST_CONVERSATIONS, Sandbox
from seaway.networks.dns.zone import Record, Zone

FIRST, SECOND = "127.0.0.53", "127.0.0.54"
Say = Callable[[bytes], bytes | None]


class Upstream(asyncio.DatagramProtocol):
    """What `say` returns is sent; None: nothing ever."""

    def __init__(self, say: Say) -> None:
        self.say, self.asked = say, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, client: tuple[str, int]) -> None:
        self.asked += 1
        if answer := self.say(data):
            self.transport.sendto(answer, client)


def known(query: bytes) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query))
    message.answer.append(dns.rrset.from_text(message.question[0].name, 60, "IN", "A", "203.0.113.7"))
    return message.to_wire()


def failing(query: bytes) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(query))
    message.set_rcode(dns.rcode.SERVFAIL)
    return message.to_wire()


def silent(query: bytes) -> None:
    return None


@asynccontextmanager
async def upstream(address: str, say: Say) -> AsyncIterator[Upstream]:
    loop = asyncio.get_running_loop()
    transport, server = await loop.create_datagram_endpoint(lambda: Upstream(say), local_addr=(address, 53))
    try:
        yield server
    finally:
        transport.close()


@asynccontextmanager
async def sandbox(*servers: str) -> AsyncIterator[tuple[str, int]]:
    """Where it is asked. It knows web."""
    await process.run(["ip", "link", "set", "lo", "up"])
    zone = Zone()
    zone.join("e1", Record("n1", "shop", ("172.18.0.2",), ("web",)))
    udp, tcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
    udp.bind(("127.0.0.11", 5353))
    tcp.bind(("127.0.0.11", 5353))
    tcp.listen()
    served = Sandbox(Answerer(zone), Cache(time.monotonic), udp, tcp)
    await served.start()
    served.look({"networks": ["n1"], "links": {}, "netns": "", "servers": [(s, True) for s in servers]})
    try:
        yield ("127.0.0.11", 5353)
    finally:
        served.close()


async def ask(place: tuple[str, int], name: str, timeout: float = 8) -> dns.message.Message:
    query = dns.message.make_query(name, "A")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.connect(place)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(client, query.to_wire())
        async with asyncio.timeout(timeout):
            return dns.message.from_wire(await loop.sock_recv(client, 65535))


def addresses(message: dns.message.Message) -> list[str]:
    return [str(record) for rrset in message.answer for record in rrset]


def framed(*names: str) -> bytes:
    wires = [dns.message.make_query(name, "A").to_wire() for name in names]
    return b"".join(len(wire).to_bytes(2, "big") + wire for wire in wires)


async def read_message(reader: asyncio.StreamReader) -> dns.message.Message:
    return dns.message.from_wire(await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big")))


@isolated
async def test_what_was_asked_once_is_not_asked_again() -> None:
    async with sandbox(FIRST) as place, upstream(FIRST, known) as server:
        for _ in range(3):
            assert addresses(await ask(place, "example.org")) == ["203.0.113.7"]
        assert server.asked == 1


@isolated
async def test_a_silent_server_is_passed_over_and_then_asked_last() -> None:
    async with sandbox(FIRST, SECOND) as place, upstream(FIRST, silent) as first, upstream(SECOND, known):
        began = time.monotonic()
        assert addresses(await ask(place, "one.example.org")) == ["203.0.113.7"]
        assert 0.9 < time.monotonic() - began < 3
        began = time.monotonic()
        assert addresses(await ask(place, "two.example.org")) == ["203.0.113.7"]
        assert time.monotonic() - began < 0.9
        assert first.asked == 1


@isolated
async def test_a_server_that_fails_or_refuses_is_passed_over_at_once() -> None:
    async with sandbox(FIRST, SECOND) as place, upstream(FIRST, failing), upstream(SECOND, known):
        began = time.monotonic()
        assert addresses(await ask(place, "example.org")) == ["203.0.113.7"]
        assert time.monotonic() - began < 0.9
    async with sandbox(FIRST, SECOND) as place, upstream(SECOND, known):  # nobody listens at the first: ECONNREFUSED
        assert addresses(await ask(place, "example.org")) == ["203.0.113.7"]


@isolated
async def test_nobody_helps() -> None:
    async with sandbox(FIRST, SECOND) as place, upstream(FIRST, failing), upstream(SECOND, failing):
        assert (await ask(place, "example.org")).rcode() == dns.rcode.SERVFAIL


@isolated
async def test_a_slow_server_delays_no_local_answer() -> None:
    async with sandbox(FIRST) as place, upstream(FIRST, silent):
        pending = [asyncio.ensure_future(ask(place, f"n{n}.example.org")) for n in range(200)]
        reader, writer = await asyncio.open_connection(*place)
        await asyncio.sleep(0)
        began = time.monotonic()
        writer.write(framed("slow.example.org", "web"))
        assert addresses(await read_message(reader)) == ["172.18.0.2"]
        for _ in range(20):
            assert addresses(await ask(place, "web")) == ["172.18.0.2"]
        assert time.monotonic() - began < 1
        writer.close()
        for each in pending:
            each.cancel()


@isolated
async def test_a_flood_gets_refusals_and_the_next_client_answers() -> None:
    async with sandbox(FIRST) as place, upstream(FIRST, silent):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as flood:
            flood.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
            flood.setblocking(False)
            flood.connect(place)
            for n in range(3000):
                flood.send(dns.message.make_query(f"n{n}.example.org", "A").to_wire())
                if n % 50 == 0:
                    await asyncio.sleep(0)
            assert addresses(await ask(place, "web")) == ["172.18.0.2"]
            answer = await asyncio.get_running_loop().sock_recv(flood, 65535)
            assert dns.message.from_wire(answer).rcode() == dns.rcode.REFUSED


@isolated
async def test_garbage_and_clients_that_stall() -> None:
    async with sandbox() as place:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            for garbage in (b"", b"x", b"\xff" * 512, b"\0" * 60000):
                client.sendto(garbage, place)
        stalled = [await asyncio.open_connection(*place) for _ in range(MOST_CONVERSATIONS)]
        for _, writer in stalled[1:]:
            writer.write(b"\x00")
        stalled[0][1].write(b"\x00\x03abc" + framed("web"))
        assert await stalled[0][0].read() == b""
        assert addresses(await ask(place, "web")) == ["172.18.0.2"]
        reader, writer = await asyncio.open_connection(*place)
        writer.write(framed("web"))
        assert addresses(await read_message(reader)) == ["172.18.0.2"]
        more = [await asyncio.open_connection(*place) for _ in range(3)]
        for other, _ in more:
            with contextlib.suppress(ConnectionResetError):
                assert await other.read() == b""
        for _, each in [*stalled, *more, (reader, writer)]:
            each.close()
