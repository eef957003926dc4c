"""`/system/df`, `/containers/{id}/export`, and the pruning of the build cache, in which there is nothing."""

from typing import Any

from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import json_response
from seaway.api.router import Route
from seaway.base.sharing import SharedWork
from seaway.engine.context import Engine
from seaway.engine.df import disk_usage
from seaway.engine.export import exported
from seaway.images.catalog import Catalog


class UsageHandlers:
    def __init__(self, engine: Engine, catalog: Catalog) -> None:
        self._engine, self._catalog = engine, catalog
        self._measuring: SharedWork[dict[str, Any]] = SharedWork()

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/system/df", self.df),
            Route("GET", "/containers/{name}/export", self.export),
            Route("POST", "/build/prune", self.prune_builds),
        ]

    async def df(self, request: Request) -> web.StreamResponse:
        """Counted once for all who ask meanwhile. Before 1.42 everything is told, and the build cache's size."""
        types = request.texts("type") if request.version >= (1, 42) else []
        version = request.version[:2]
        key = (frozenset(types), version)
        usage = await self._measuring.join(key, lambda: disk_usage(self._engine, self._catalog, types, version))
        return json_response(usage if version >= (1, 42) else usage | {"BuilderSize": 0})

    async def export(self, request: Request) -> web.StreamResponse:
        async with exported(self._engine, request["name"]) as pieces:
            response = web.StreamResponse(headers={"Content-Type": "application/octet-stream"})
            await response.prepare(request.http)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        return response

    async def prune_builds(self, request: Request) -> web.StreamResponse:
        """`docker system prune` asks every engine for it; what is not kept cannot be reclaimed."""
        request.filters()
        return json_response({"CachesDeleted": None, "SpaceReclaimed": 0})
