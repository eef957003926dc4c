import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from aiohttp import web

from seaway.api.handlers.events import EventHandlers
from seaway.api.handlers.system import InfoHandlers, SystemHandlers
from seaway.api.hijack import RAW_STREAM, hijack, refuse
from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route, Router
from seaway.api.server import ApiServer, Identity
from seaway.api.versions import Version
from seaway.base.errors import Conflict, NotFound
from seaway.config.hosts import Listen
from seaway.events.bus import EventBus
from seaway.system.version import EngineVersion


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Any]:
    """The engine runs on uvloop, whose transports differ in details from asyncio's."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


class Engine:
    """A server with a few routes that show what the HTTP layer does."""

    def __init__(self, path: Path) -> None:
        self.path, self.bus = path, EventBus()
        self.cancelled, self.heard = asyncio.Event(), b""
        self.rest: asyncio.Future[Router] = asyncio.get_running_loop().create_future()
        version: asyncio.Future[EngineVersion] = asyncio.get_running_loop().create_future()
        version.set_result(EngineVersion("0", "", "6", "amd64"))
        self.api = ApiServer(Router(SystemHandlers(version).routes()), Identity("28.5.2"), rest=self.rest)

    def _routes(self) -> list[Route]:
        return [
            *InfoHandlers(self._info).routes(),
            *EventHandlers(self.bus).routes(),
            Route("POST", "/containers/{name:.*}/attach", self.attach),
            Route("POST", "/exec/{name}/start", self.exec_start),
            Route("POST", "/echo", self.echo),
            Route("PUT", "/upload", self.upload),
            Route("GET", "/conflict", self.conflict),
            Route("GET", "/bug", self.bug),
            Route("GET", "/slow", self.slow),
            Route("GET", "/nothing", self.nothing),
            Route("GET", "/ws", self.websocket),
        ]

    def load(self) -> None:
        """From now on it has all its routes."""
        self.rest.set_result(Router(self._routes()))

    async def _info(self, version: Version) -> dict[str, object]:
        return {"Version": str(version)}

    async def attach(self, request: Request) -> Any:
        """Gives back in upper case, and says goodbye after the client's end."""
        if request["name"] == "none":
            return await refuse(request.http, NotFound("No such container: none"))
        async with hijack(request.http, RAW_STREAM) as stream:
            try:
                while data := await stream.read():
                    self.heard += data
                    if request["name"] != "silent":
                        await stream.write(data.upper())
                if request["name"] == "silent":
                    await asyncio.sleep(60)
                await stream.write(b"bye")
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return stream.response

    async def exec_start(self, request: Request) -> Any:
        options = await request.json(dict)
        if options.get("Detach"):
            return json_response({"detached": True})
        async with hijack(request.http, RAW_STREAM, {"Api-Version": "1.51"}) as stream:
            await stream.write(b"x" * options.get("Size", 0))
            await stream.write(await stream.read())
        return stream.response

    async def echo(self, request: Request) -> Any:
        return json_response(await request.json(dict, required=True))

    async def upload(self, request: Request) -> Any:
        return json_response({"size": len(await request.http.content.read())})

    async def conflict(self, request: Request) -> Any:
        raise Conflict("already there")

    async def slow(self, request: Request) -> Any:
        try:
            await asyncio.sleep(float(request.text("seconds")))
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return json_response("done")

    async def nothing(self, request: Request) -> Any:
        return empty_response()

    async def websocket(self, request: Request) -> Any:
        reply = web.WebSocketResponse()
        await reply.prepare(request.http)
        async for message in reply:
            await reply.send_bytes(message.data.upper())
        return reply

    async def bug(self, request: Request) -> Any:
        raise KeyError("oops")


@pytest.fixture
async def young_engine(tmp_path: Path) -> AsyncIterator[Engine]:
    """One that has loaded nothing yet."""
    engine = Engine(tmp_path / "engine.sock")
    await engine.api.serve(Listen("unix", str(engine.path)))
    yield engine
    await engine.api.close(timeout_s=0.1)
    assert not engine.path.exists()


@pytest.fixture
def engine(young_engine: Engine) -> Engine:
    young_engine.load()
    return young_engine


Talk = Callable[..., Coroutine[Any, Any, bytes]]


@pytest.fixture
def talk(engine: Engine) -> Talk:
    return talk_to(engine)


def talk_to(engine: Engine) -> Talk:
    """Send bytes over a fresh connection, end our side where asked, and read to the end."""

    async def exchange(sent: bytes, *, end: bool = False, until: bytes = b"") -> bytes:
        reader, writer = await asyncio.open_unix_connection(str(engine.path))
        writer.write(sent)
        if end:
            writer.write_eof()
        try:
            async with asyncio.timeout(5):
                return await reader.readuntil(until) if until else await reader.read()
        finally:
            writer.close()

    return exchange
