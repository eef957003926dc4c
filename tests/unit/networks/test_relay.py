import asyncio
import errno
import os
import socket
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from seaway.networks import relay

Ends = tuple[socket.socket, socket.socket]
"""The client's and the server's; the relay has the two between them."""
LIMIT_S = 20


def connected() -> Ends:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        caller = socket.create_connection(listener.getsockname())
        called, _ = listener.accept()
    caller.setblocking(False)
    called.setblocking(False)
    return caller, called


@asynccontextmanager
async def relayed() -> AsyncIterator[Ends]:
    """Fails where the relay goes on for long after the story."""
    (client, front), (back, server) = connected(), connected()

    async def carry() -> None:
        with front, back:
            await relay.relay(front, back)

    with client, server:
        task = asyncio.create_task(carry())
        async with asyncio.timeout(LIMIT_S):
            yield client, server
            client.close()
            server.close()
            await task


async def read_all(sock: socket.socket) -> bytes:
    loop, parts = asyncio.get_running_loop(), []
    while part := await loop.sock_recv(sock, 1 << 20):
        parts.append(part)
    return b"".join(parts)


async def send(sock: socket.socket, data: bytes) -> None:
    await asyncio.get_running_loop().sock_sendall(sock, data)


async def send_until_full(sock: socket.socket) -> bytes:
    """Until nothing more has gone for a tenth of a second. What was sent."""
    sent, last = b"", time.monotonic()
    while time.monotonic() < last + 0.1:
        chunk = os.urandom(1 << 16)
        try:
            sent, last = sent + chunk[: sock.send(chunk)], time.monotonic()
        except BlockingIOError:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0)
    return sent


def reset(sock: socket.socket) -> None:
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def no_splice(*_: object, **__: object) -> int:
    raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))


def no_pipe(_flags: int) -> tuple[int, int]:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


@pytest.fixture(params=["splice", "no splice", "no pipe"], autouse=True)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "_spare", [])
    if request.param == "no splice":
        monkeypatch.setattr(os, "splice", no_splice)
    if request.param == "no pipe":
        monkeypatch.setattr(os, "pipe2", no_pipe)


async def test_an_end_is_passed_on_and_the_other_direction_stays() -> None:
    async with relayed() as (client, server):
        await send(client, b"ahoy")
        client.shutdown(socket.SHUT_WR)
        assert await read_all(server) == b"ahoy"
        await send(server, b"aye " * 500_000)
        server.shutdown(socket.SHUT_WR)
        assert await read_all(client) == b"aye " * 500_000


async def test_a_slow_reader_holds_the_sender_back_and_costs_nothing() -> None:
    async with relayed() as (client, server):
        sent = await send_until_full(client)
        began = time.thread_time()
        await asyncio.sleep(0.3)
        assert time.thread_time() - began < 0.1
        await send(server, b"the other direction")
        assert await asyncio.get_running_loop().sock_recv(client, 100) == b"the other direction"
        client.shutdown(socket.SHUT_WR)
        assert await read_all(server) == sent


async def test_after_a_reset_the_other_side_gets_what_came_and_an_end() -> None:
    async with relayed() as (client, server):
        await send(client, b"last words")
        assert await asyncio.get_running_loop().sock_recv(server, 100) == b"last words"
        reset(client)
        assert await read_all(server) == b""


async def test_a_reset_by_whom_the_relay_waits_for_ends_both() -> None:
    async with relayed() as (client, server):
        await send_until_full(client)
        reset(server)
        with pytest.raises(ConnectionError):
            while True:
                await send_until_full(client)


async def test_fifty_at_once_keep_their_bytes_apart() -> None:
    async def echo(number: int) -> None:
        text = b"%02d" % number * 400_000
        async with relayed() as (client, server):
            sending = asyncio.gather(send(client, text), pass_back(server))
            loop, got = asyncio.get_running_loop(), b""
            while len(got) < len(text):
                got += await loop.sock_recv(client, 1 << 20)
            await sending
            assert got == text

    async def pass_back(server: socket.socket) -> None:
        loop, left = asyncio.get_running_loop(), 800_000
        while left:
            part = await loop.sock_recv(server, 1 << 16)
            left -= len(part)
            await loop.sock_sendall(server, part)

    before = len(os.listdir("/proc/self/fd"))
    await asyncio.gather(*map(echo, range(50)))
    spare = 2 * len(relay._spare)
    assert spare <= 2 * relay.SPARE_PIPES
    assert len(os.listdir("/proc/self/fd")) == before + spare


@pytest.mark.parametrize("kernel", ["splice"], indirect=True)
async def test_where_the_kernel_splices_nothing_goes_by_way_of_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "Memory", None)
    async with relayed() as (client, server):
        sent = await send_until_full(client)
        client.shutdown(socket.SHUT_WR)
        assert await read_all(server) == sent
