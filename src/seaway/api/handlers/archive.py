"""`HEAD|GET|PUT /containers/{id}/archive`: `docker cp`."""

from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import empty_response
from seaway.api.router import Route
from seaway.base.errors import InvalidParameter
from seaway.engine import archive
from seaway.engine.context import Engine

PATH_STAT = "X-Docker-Container-Path-Stat"


class ArchiveHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        pattern = "/containers/{name}/archive"
        return [
            Route("HEAD", pattern, self.stat),
            Route("GET", pattern, self.get),
            Route("PUT", pattern, self.put),
        ]

    async def stat(self, request: Request) -> web.StreamResponse:
        about = await archive.stat_path(self._engine, request["name"], _path(request))
        response = empty_response(200)
        response.headers[PATH_STAT] = about.header()
        return response

    async def get(self, request: Request) -> web.StreamResponse:
        async with archive.archive_path(self._engine, request["name"], _path(request)) as (about, pieces):
            headers = {PATH_STAT: about.header(), "Content-Type": "application/x-tar"}
            response = web.StreamResponse(headers=headers)
            await response.prepare(request.http)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        return response

    async def put(self, request: Request) -> web.StreamResponse:
        await archive.extract_to(
            self._engine,
            request["name"],
            _path(request),
            request.http.content.iter_any(),
            keep_kind=request.flag("noOverwriteDirNonDir"),
            as_user=request.flag("copyUIDGID"),
        )
        return empty_response(200)


def _path(request: Request) -> str:
    path = request.file_name("path")
    if not path:
        raise InvalidParameter("bad parameter: pathcannot be empty")
    return path
