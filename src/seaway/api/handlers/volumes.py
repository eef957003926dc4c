"""The `/volumes` routes."""

import msgspec
from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base.filters import Filters
from seaway.engine.context import Engine


class VolumeBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    name: str = ""
    driver: str = ""
    driver_opts: dict[str, str] = {}
    labels: dict[str, str] = {}


class VolumeHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._volumes = engine, engine.mounts.volumes

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/volumes", self.list),
            Route("GET", "/volumes/{name}", self.inspect),
            Route("POST", "/volumes/create", self.create),
            Route("POST", "/volumes/prune", self.prune),
            Route("DELETE", "/volumes/{name}", self.remove),
        ]

    async def list(self, request: Request) -> web.StreamResponse:
        found = self._volumes.list(request.filters(), self._in_use())
        return json_response({"Volumes": [v.to_wire() for v in found], "Warnings": None})

    async def inspect(self, request: Request) -> web.StreamResponse:
        return json_response(self._volumes.get(request["name"]).to_wire())

    async def create(self, request: Request) -> web.StreamResponse:
        body = await request.json(VolumeBody, empty=VolumeBody())
        volume = await self._volumes.create(body.name, body.driver, body.driver_opts, body.labels)
        return json_response(volume.to_wire(), 201)

    async def remove(self, request: Request) -> web.StreamResponse:
        name = request["name"]
        await self._volumes.remove(name, sorted(self._engine.mounts.users(name)), force=request.flag("force"))
        return empty_response()

    async def prune(self, request: Request) -> web.StreamResponse:
        filters = request.filters()
        if request.version < Version(1, 42):
            filters = Filters({**filters.values, "all": ("true",)})
        done = await self._volumes.prune(filters, self._in_use())
        return json_response({"VolumesDeleted": [v.name for v in done.volumes], "SpaceReclaimed": done.space_bytes})

    def _in_use(self) -> set[str]:
        return {m.name for c in self._engine.containers.all() for m in c.mount_points.values() if m.name}
