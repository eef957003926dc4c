"""Routes for volumes that dockerd lacks: clone, rename, and the contents as a tar."""

import msgspec
from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.engine.context import Engine
from seaway.engine.volumecopy import VolumeCopies
from seaway.engine.volumes import VolumeVerbs


class CloneBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """A name "" makes an anonymous volume; labels null are the original's."""

    name: str = ""
    labels: dict[str, str] | None = None


class VolumeCopyHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._verbs = VolumeVerbs(engine.mounts, engine.events)
        self._copies = VolumeCopies(engine.mounts.volumes, self._verbs, engine.settings.ids)

    def routes(self) -> list[Route]:
        one = "/volumes/{name}"
        return [
            Route("POST", f"{one}/clone", self.clone),
            Route("POST", f"{one}/rename", self.rename),
            Route("GET", f"{one}/archive", self.export),
            Route("PUT", f"{one}/archive", self.import_tar),
        ]

    async def clone(self, request: Request) -> web.StreamResponse:
        body = await request.json(CloneBody)
        work = self._copies.clone(request["name"], body.name, body.labels)
        volume = await self._engine.supervisor.shielded(work, "clone a volume")
        return json_response(volume.to_wire(), 201)

    async def rename(self, request: Request) -> web.StreamResponse:
        work = self._verbs.rename(request["name"], request.text("name"))
        await self._engine.supervisor.shielded(work, "rename a volume")
        return empty_response()

    async def export(self, request: Request) -> web.StreamResponse:
        async with self._copies.export(request["name"]) as pieces:
            response = web.StreamResponse(headers={"Content-Type": "application/x-tar"})
            await response.prepare(request.http)
            async for piece in pieces:
                await response.write(piece)
            await response.write_eof()
        return response

    async def import_tar(self, request: Request) -> web.StreamResponse:
        await self._copies.import_tar(request["name"], request.http.content.iter_any())
        return empty_response()
