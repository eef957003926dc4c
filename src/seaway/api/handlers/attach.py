"""`POST /containers/{name}/attach`: the client's connection becomes the container's standard streams."""

import asyncio

from aiohttp import web

from seaway.api.hijack import HijackedStream, hijack, stream_type, wants_upgrade
from seaway.api.request import Request
from seaway.api.router import Route
from seaway.base.errors import Conflict
from seaway.base.stdcopy import Stream, frame
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.streams import Client


class AttachHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        return [Route("POST", "/containers/{name}/attach", self.attach)]

    async def attach(self, request: Request) -> web.StreamResponse:
        container = self._engine.containers.find(request["name"])
        if container.task.status is Status.PAUSED:
            raise Conflict(f"container {request['name']} is paused, unpause the container before attach")
        tty = container.config.tty
        client = self._engine.streams.attach(container.id)
        content_type = stream_type(request.version, upgraded=wants_upgrade(request.http), tty=tty)
        wanted = {s for s in (Stream.STDOUT, Stream.STDERR) if request.flag(s.name.lower())}
        stdin = request.flag("stdin") and container.config.open_stdin
        try:
            async with hijack(request.http, content_type) as stream:
                container_event(self._engine, container, "attach")
                await copy_streams(client, stream, wanted, tty=tty, stdin=stdin, once=container.config.stdin_once)
        finally:
            client.leave()
        return stream.response


async def copy_streams(
    client: Client, stream: HijackedStream, wanted: set[Stream], *, tty: bool, stdin: bool, once: bool
) -> None:
    """Until the container's output ends, or the client goes away."""
    reader = asyncio.ensure_future(_copy_in(client, stream, once=once)) if stdin else None
    try:
        while (output := await client.recv()) is not None:
            kind = Stream(output.stream)
            if tty or kind in wanted:
                await stream.write(output.data if tty else frame(kind, output.data))
    except ConnectionResetError:
        pass  # the client is gone; the container goes on
    finally:
        if reader:
            reader.cancel()


async def _copy_in(client: Client, stream: HijackedStream, *, once: bool) -> None:
    while data := await stream.read():
        await client.send(data)
    if once:
        await client.close_stdin()
