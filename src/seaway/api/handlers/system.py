"""/_ping, /version and /info."""

import asyncio
from collections.abc import Awaitable, Callable

from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.system.version import EngineVersion, version_to_wire

# "1": docker build uses the classic builder, until there is another.
PING_HEADERS = {
    "Builder-Version": "1",
    "Cache-Control": "no-cache, no-store, must-revalidate",
    "Pragma": "no-cache",
    "Swarm": "inactive",
    "Content-Type": "text/plain; charset=utf-8",
}


class SystemHandlers:
    """What an engine answers before it has loaded anything."""

    def __init__(self, version: "asyncio.Future[EngineVersion]") -> None:
        self._version = version

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/_ping", self.ping),
            Route("HEAD", "/_ping", self.ping),
            Route("GET", "/version", self.version),
            Route("OPTIONS", "/{anyroute:.*}", self.options),
        ]

    async def ping(self, request: Request) -> web.StreamResponse:
        if request.http.method == "HEAD":
            return web.Response(headers={**PING_HEADERS, "Content-Length": "0"})
        return web.Response(body=b"OK", headers=PING_HEADERS)

    async def version(self, request: Request) -> web.StreamResponse:
        return json_response(version_to_wire(await asyncio.shield(self._version)))

    async def options(self, request: Request) -> web.StreamResponse:
        return empty_response(200)


class InfoHandlers:
    def __init__(self, info: Callable[[Version], Awaitable[dict[str, object]]]) -> None:
        """`info` collects the figures anew for each request."""
        self._info = info

    def routes(self) -> list[Route]:
        return [Route("GET", "/info", self.info)]

    async def info(self, request: Request) -> web.StreamResponse:
        return json_response(await self._info(request.version))
