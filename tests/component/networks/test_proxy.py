import asyncio
import os
import signal
import socket
from pathlib import Path

import pytest
from isolated import isolated

from seaway.kernel import process
from seaway.networks.firewall.elements import PublishedPort
from seaway.networks.proxy import BindFailed, ProxyClient

PLACE = Path("/run/proxy.sock")
WEB = PublishedPort("tcp", "127.0.0.1", 8080, "127.0.0.2", 80)
DNS = PublishedPort("udp", "::1", 5353, "127.0.0.2", 53)


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write((await reader.read()).upper())
    await writer.drain()
    writer.close()


async def call(text: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", 8080)
    writer.write(text)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    return answer


def proxy_pid() -> int:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(PLACE))
        return int.from_bytes(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)[:4], "little")


def tcp_of(pid: int) -> bytes:
    """TCP connections in the proxy's namespace."""
    return Path(f"/proc/{pid}/net/tcp").read_bytes()


async def wait_gone() -> None:
    async with asyncio.timeout(5):
        while PLACE.exists():
            await asyncio.sleep(0.01)


async def begin() -> ProxyClient:
    await process.run(["ip", "link", "set", "lo", "up"])
    return ProxyClient(PLACE)


@isolated
async def test_a_half_closed_connection_gets_its_answer() -> None:
    proxy, server = await begin(), await asyncio.start_server(shout, "127.0.0.2", 80)
    await proxy.bind(WEB)
    assert await call(b"ahoy") == b"AHOY"
    assert await call(b"x" * 3_000_000) == b"X" * 3_000_000
    async with asyncio.timeout(5):
        while b" 01 " in tcp_of(proxy_pid()):
            await asyncio.sleep(0.01)
    with pytest.raises(
        BindFailed, match=r"^Error starting userland proxy: listen tcp4 0\.0\.0\.0:80: bind: address already in use$"
    ):
        await proxy.bind(PublishedPort("tcp", "0.0.0.0", 80, "127.0.0.2", 80))
    await proxy.unbind(WEB)
    with pytest.raises(ConnectionRefusedError):
        await call(b"ahoy")
    await proxy.close()
    await wait_gone()
    server.close()


@isolated
async def test_datagrams_over_ipv6() -> None:
    proxy = await begin()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server,
        socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as client,
    ):
        server.bind(("127.0.0.2", 53))
        await proxy.bind(DNS)
        server.settimeout(5)
        client.settimeout(5)
        for text in (b"one", b"two"):
            client.sendto(text, ("::1", 5353))
            asked, asker = server.recvfrom(100)
            server.sendto(asked + b"!", asker)
            assert client.recv(100) == text + b"!"
    await proxy.unbind(DNS)
    await proxy.close()
    await wait_gone()


@isolated
async def test_the_next_engine_takes_the_ports_over_and_drops_those_of_the_dead() -> None:
    proxy, server = await begin(), await asyncio.start_server(shout, "127.0.0.2", 80)
    await proxy.bind(WEB)
    await proxy.bind(DNS)
    await proxy.close()
    pid = proxy_pid()
    assert await call(b"ahoy") == b"AHOY"
    heir = ProxyClient(PLACE)
    assert await heir.adopt([WEB]) == []
    assert proxy_pid() == pid
    assert await call(b"ahoy") == b"AHOY"
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as free:
        free.bind(("::1", 5353))
    assert await heir.adopt([]) == []
    await heir.close()
    await wait_gone()
    server.close()


@isolated
async def test_a_killed_proxy_is_replaced_with_all_its_ports() -> None:
    proxy, server = await begin(), await asyncio.start_server(shout, "127.0.0.2", 80)
    await proxy.bind(WEB)
    os.kill(proxy_pid(), signal.SIGKILL)
    await proxy.bind(DNS)
    assert await call(b"ahoy") == b"AHOY"
    await proxy.unbind(WEB)
    await proxy.unbind(DNS)
    await proxy.close()
    await wait_gone()
    server.close()
