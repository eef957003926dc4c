"""`attach/ws`: a browser's way to a container's streams."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from conformance.conftest import RunningEngine
from conformance.streams import Wire

ALL = "stream=1&stdin=1&stdout=1&stderr=1"


@pytest.fixture
def echo(engine: RunningEngine) -> Iterator[str]:
    engine.docker("run", "-d", "-i", "--name", "wsecho", "busybox", "cat")
    yield "wsecho"
    engine.docker("rm", "-f", "wsecho")


@asynccontextmanager
async def websocket(engine: RunningEngine, name: str, query: str, version: str = "1.41") -> AsyncIterator["Socket"]:
    connector = aiohttp.UnixConnector(engine.host.removeprefix("unix://"))
    async with aiohttp.ClientSession(connector=connector) as session, asyncio.timeout(30):
        url = f"http://localhost/v{version}/containers/{name}/attach/ws?{query}"
        async with session.ws_connect(url, headers={"Origin": "http://localhost"}) as socket:
            yield socket


Socket = aiohttp.ClientWebSocketResponse


async def heard(socket: Socket, wanted: bytes) -> bytes:
    data = b""
    while wanted not in data:
        data += await socket.receive_bytes()
    return data


async def test_both_ways_without_frames(engine: RunningEngine, echo: str) -> None:
    async with websocket(engine, echo, ALL) as socket:
        await socket.send_bytes(b"binary\n")
        assert await heard(socket, b"\n") == b"binary\n"
        await socket.send_str("text\n")
        assert await heard(socket, b"\n") == b"text\n"
    async with websocket(engine, echo, "logs=1&stdout=1") as socket:
        assert await heard(socket, b"text\n") == b"binary\ntext\n"
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)


async def test_old_clients_get_text(engine: RunningEngine, echo: str) -> None:
    async with websocket(engine, echo, ALL, "1.27") as socket:
        await socket.send_bytes(b"old\n")
        assert await socket.receive_str() == "old\n"


async def test_the_containers_end_closes_it(engine: RunningEngine, echo: str) -> None:
    async with websocket(engine, echo, ALL) as socket:
        await socket.send_bytes(b"x\n")
        await heard(socket, b"x\n")
        killing = await asyncio.create_subprocess_exec("docker", "-H", engine.host, "kill", echo)
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        await killing.wait()


async def test_its_close_leaves_the_container_alone(engine: RunningEngine, echo: str) -> None:
    for _ in range(3):
        async with websocket(engine, echo, ALL) as socket:
            await socket.send_bytes(b"again\n")
            await heard(socket, b"again\n")
    assert engine.docker("inspect", "-f", "{{.State.Running}}", echo).stdout == "true\n"


@pytest.mark.min_api("1.42")
async def test_streams_are_chosen(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "ws2", "busybox", "sh", "-c", "echo out; echo err >&2")
    async with (
        websocket(engine, "ws2", "stream=1&stderr=1", "1.42") as chosen,
        websocket(engine, "ws2", "stream=1") as old,
    ):
        starting = await asyncio.create_subprocess_exec("docker", "-H", engine.host, "start", "ws2")
        assert await heard(chosen, b"\n") == b"err\n"
        assert b"err\n" in await heard(old, b"err\n")
        await starting.wait()
    engine.docker("rm", "ws2")


@pytest.mark.parametrize(("name", "status"), [("none", b" 404 "), ("wsecho", b" 400 ")])
def test_refusals(engine: RunningEngine, echo: str, name: str, status: bytes) -> None:
    if name == echo and not engine.is_seaway:
        pytest.skip("dockerd never answers what is no WebSocket's request")
    with Wire(engine) as wire:
        wire.send(f"GET /containers/{name}/attach/ws?stream=1 HTTP/1.0\r\nHost: d\r\n\r\n".encode())
        assert status in wire.read_all().partition(b"\r\n")[0]
