"""The `/containers` routes that look into a running container or change its limits: top, stats, update, pause."""

from contextlib import aclosing
from typing import Any

import msgspec
from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import JsonStream, empty_response, json_response
from seaway.api.router import Route
from seaway.engine import pause, prune, top, update
from seaway.engine.context import Engine
from seaway.engine.stats import Stats
from seaway.model.container import HostConfig, NetworkingConfig


class ContainerControlHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stats = Stats(engine.containers, engine.supervisor)

    def routes(self) -> list[Route]:
        one = "/containers/{name}"
        return [
            Route("POST", f"{one}/pause", self.pause),
            Route("POST", f"{one}/unpause", self.unpause),
            Route("GET", f"{one}/top", self.top),
            Route("GET", f"{one}/stats", self.stats),
            Route("POST", f"{one}/update", self.update),
            Route("GET", f"{one}/changes", self.changes),
            Route("POST", "/containers/prune", self.prune),
        ]

    async def pause(self, request: Request) -> web.StreamResponse:
        await self._engine.supervisor.shielded(pause.pause_container(self._engine, request["name"]), "pause")
        return empty_response()

    async def unpause(self, request: Request) -> web.StreamResponse:
        await self._engine.supervisor.shielded(pause.unpause_container(self._engine, request["name"]), "unpause")
        return empty_response()

    async def top(self, request: Request) -> web.StreamResponse:
        found = await top.top_container(self._engine, request["name"], request.text("ps_args"))
        return json_response({"Processes": found.rows, "Titles": found.titles})

    async def stats(self, request: Request) -> web.StreamResponse:
        container = self._engine.containers.find(request["name"])
        stream = request.flag("stream", default=True)
        one_shot = request.version >= (1, 41) and request.flag("one-shot")
        async with aclosing(self._stats.frames(container, stream=stream, one_shot=one_shot)) as frames:
            if not stream:
                return json_response(await anext(frames))
            answer = JsonStream(request.http, terminator=b"\n")
            async for frame in frames:
                await answer.send(frame)
            return await answer.finish()

    async def update(self, request: Request) -> web.StreamResponse:
        wanted = await request.json(UpdateBody)
        endpoints = (wanted.networking_config.endpoints_config if wanted.networking_config else None) or {}
        work = update.update_container(self._engine, request["name"], _asked(request, wanted), endpoints)
        warnings = await self._engine.supervisor.shielded(work, "update")
        return json_response({"Warnings": warnings or None})

    async def changes(self, request: Request) -> web.StreamResponse:
        container = self._engine.containers.find(request["name"])
        with self._engine.metrics.containers.time("changes"):
            found = await self._engine.layers.changes(container.id)
        return json_response([{"Path": change.path, "Kind": int(change.kind)} for change in found] or None)

    async def prune(self, request: Request) -> web.StreamResponse:
        work = prune.prune_containers(self._engine, request.filters())
        pruned: dict[str, Any] = await self._engine.supervisor.shielded(work, "prune")
        return json_response(pruned)


class UpdateBody(HostConfig, frozen=True, kw_only=True, rename="pascal"):
    """dockerd's, and the endpoints whose rates change."""

    networking_config: NetworkingConfig | None = None


def _asked(request: Request, wanted: HostConfig) -> HostConfig:
    """Any number below one is no limit; old clients did not know of it."""
    if request.version < (1, 40):
        return msgspec.structs.replace(wanted, pids_limit=None)
    if wanted.pids_limit is not None and wanted.pids_limit <= 0:
        return msgspec.structs.replace(wanted, pids_limit=0)
    return wanted
