"""The `/volumes` routes."""

import msgspec
from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base.filters import Filters
from seaway.engine.context import Engine
from seaway.engine.volumes import VolumeVerbs


class VolumeBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    name: str = ""
    driver: str = ""
    driver_opts: dict[str, str] | None = None
    labels: dict[str, str] | None = None


class VolumeHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._volumes = engine, VolumeVerbs(engine.mounts, engine.events)

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/volumes", self.list),
            Route("GET", "/volumes/{name}", self.inspect),
            Route("POST", "/volumes/create", self.create),
            Route("POST", "/volumes/prune", self.prune),
            Route("DELETE", "/volumes/{name}", self.remove),
        ]

    async def list(self, request: Request) -> web.StreamResponse:
        found, complaints = await self._volumes.matching(request.filters())
        return json_response({"Volumes": [v.to_wire() for v in found], "Warnings": complaints or None})

    async def inspect(self, request: Request) -> web.StreamResponse:
        return json_response(await self._volumes.inspect(request["name"]))

    async def create(self, request: Request) -> web.StreamResponse:
        body = await request.json(VolumeBody)
        work = self._volumes.create(body.name, body.driver, body.driver_opts, body.labels)
        volume = await self._engine.supervisor.shielded(work, "create a volume")
        return json_response(volume.to_wire(), 201)

    async def remove(self, request: Request) -> web.StreamResponse:
        work = self._volumes.remove(request["name"], force=request.flag("force"))
        await self._engine.supervisor.shielded(work, "remove a volume")
        return empty_response()

    async def prune(self, request: Request) -> web.StreamResponse:
        filters = request.filters()
        if request.version < Version(1, 42):
            filters = Filters({**filters.values, "all": ("true",)})
        done = await self._engine.supervisor.shielded(self._volumes.prune(filters), "prune volumes")
        return json_response({"VolumesDeleted": [v.name for v in done.volumes], "SpaceReclaimed": done.space_bytes})
