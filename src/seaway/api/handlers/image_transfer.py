"""Images in and out as streams: load, save, import."""

from collections.abc import AsyncIterator
from pathlib import Path

from aiohttp import web

from seaway.api.progress import stream_progress
from seaway.api.request import Request
from seaway.api.router import Route
from seaway.base.errors import InvalidParameter
from seaway.images.catalog import Catalog
from seaway.images.importing import import_image, plan_import
from seaway.images.load import load_images
from seaway.images.pull import Puller
from seaway.images.save import plan_save, save_images
from seaway.oci.platform import parse_platform
from seaway.oci.reference import parse_reference, parse_repository

CHUNK = 1 << 20


class ImageTransferHandlers:
    """`scratch` is where archives lie while they are read."""

    def __init__(self, catalog: Catalog, puller: Puller, scratch: Path) -> None:
        self._catalog, self._puller, self._scratch = catalog, puller, scratch

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/images/load", self.load),
            Route("GET", "/images/get", self.save_many),
            Route("GET", "/images/{name:.+}/get", self.save_one),
            Route("POST", "/images/create", self.create),
        ]

    async def load(self, request: Request) -> web.StreamResponse:
        quiet, body = request.flag("quiet"), _body(request)
        return await stream_progress(
            request.http, lambda emit: load_images(self._catalog, body, self._scratch, emit, quiet=quiet)
        )

    async def save_many(self, request: Request) -> web.StreamResponse:
        return await self._save(request, request.texts("names"))

    async def save_one(self, request: Request) -> web.StreamResponse:
        return await self._save(request, [request["name"]])

    async def create(self, request: Request) -> web.StreamResponse:
        """`fromSrc` imports; `fromImage` pulls."""
        if request.has("fromImage"):
            return await self._pull(request)
        source = request.text("fromSrc")
        if source != "-":
            raise InvalidParameter(f"cannot import from {source}: only - (the request's body) is supported")
        repository, tag = request.text("repo"), request.text("tag")
        reference = parse_reference(f"{repository}:{tag}" if tag else repository) if repository else None
        plan = plan_import(request.texts("changes"), reference, request.text("message"))
        return await stream_progress(request.http, lambda emit: import_image(self._catalog, plan, _body(request), emit))

    async def _pull(self, request: Request) -> web.StreamResponse:
        reference = parse_repository(request.text("fromImage"), request.text("tag"))
        platform = parse_platform(request.text("platform")) if request.text("platform") else None
        if reference.is_name_only:
            return await stream_progress(
                request.http, lambda emit: self._puller.pull_all_tags(reference, emit, platform)
            )
        return await stream_progress(request.http, lambda emit: self._puller.pull(reference, emit, platform))

    async def _save(self, request: Request, names: list[str]) -> web.StreamResponse:
        wanted = plan_save(self._catalog, names)
        response = web.StreamResponse(headers={"Content-Type": "application/x-tar"})
        await response.prepare(request.http)
        async for chunk in save_images(self._catalog, wanted, self._scratch):
            await response.write(chunk)
        await response.write_eof()
        return response


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.http.content.iter_chunked(CHUNK):
        yield chunk
