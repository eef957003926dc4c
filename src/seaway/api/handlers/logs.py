"""`GET /containers/{name}/logs`."""

from aiohttp import web

from seaway.api.handlers.events import parse_moment
from seaway.api.hijack import MULTIPLEXED_STREAM, RAW_STREAM
from seaway.api.request import Request
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base.errors import Conflict, InvalidParameter
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.logs.driver import ReadRequest
from seaway.logs.reader import read_logs, render


class LogHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        return [Route("GET", "/containers/{name}/logs", self.logs)]

    async def logs(self, request: Request) -> web.StreamResponse:
        container = self._engine.containers.find(request["name"])
        wanted = parse_request(request)
        if container.task.status in (Status.REMOVING, Status.DEAD):
            raise Conflict("can not get logs from container which is dead or marked for removal")
        shipper = await self._engine.logs.reader(container)
        batches = read_logs(shipper, wanted)
        multiplexed = not container.config.tty
        is_new = multiplexed and request.version >= Version(1, 42)
        response = web.StreamResponse(headers={"Content-Type": MULTIPLEXED_STREAM if is_new else RAW_STREAM})
        if wanted.follow:
            await response.prepare(request.http)
        async for batch in batches:
            data = render(
                batch, multiplexed=multiplexed, timestamps=request.flag("timestamps"), details=request.flag("details")
            )
            if not response.prepared:
                await response.prepare(request.http)
            await response.write(data)
        if not response.prepared:
            await response.prepare(request.http)
        await response.write_eof()
        return response


def parse_request(request: Request) -> ReadRequest:
    stdout, stderr = request.flag("stdout"), request.flag("stderr")
    if not stdout and not stderr:
        raise InvalidParameter("Bad parameters: you must choose at least one stream")
    tail = request.text("tail")
    return ReadRequest(
        stdout=stdout,
        stderr=stderr,
        tail=int(tail) if tail.isdecimal() else None,
        since_ns=parse_moment(request.text("since")) or 0,
        until_ns=parse_moment(request.text("until")) or 0,
        follow=request.flag("follow"),
    )
