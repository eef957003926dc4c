"""Images in and out as streams: load, save, import."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

from aiohttp import web

from seaway.api.platforms import chosen_platform, spelled_platform
from seaway.api.progress import stream_progress
from seaway.api.registry_auth import HEADER, lenient_credentials, meta_headers
from seaway.api.request import Request
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.images.catalog import Catalog
from seaway.images.download import download
from seaway.images.image import Image
from seaway.images.importing import ImportRequest, import_image, plan_import
from seaway.images.load import load_images
from seaway.images.messages import Emit
from seaway.images.pull import Puller
from seaway.images.save import plan_save, save_images
from seaway.oci.reference import Reference, parse_repository

CHUNK = 1 << 20
RESERVED = "scratch"


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
        quiet, body = not request.text("quiet") or request.flag("quiet"), _body(request)
        platform = chosen_platform(request, Version(1, 48))
        return await stream_progress(
            request.http,
            lambda emit: load_images(self._catalog, body, self._scratch, emit, quiet=quiet, platform=platform),
            always_ok=True,
        )

    async def save_many(self, request: Request) -> web.StreamResponse:
        return await self._save(request, request.texts("names"))

    async def save_one(self, request: Request) -> web.StreamResponse:
        return await self._save(request, [request["name"]])

    async def create(self, request: Request) -> web.StreamResponse:
        """`fromImage` pulls; `fromSrc` imports."""
        return await (self._pull(request) if request.text("fromImage") else self._import(request))

    async def _import(self, request: Request) -> web.StreamResponse:
        source, repository, tag = request.text("fromSrc"), request.text("repo"), request.text("tag")
        reference = parse_repository(repository, tag) if repository else None
        wanted = plan_import(
            request.texts("changes"), reference, request.text("message"), _shown(source), spelled_platform(request)
        )
        return await stream_progress(request.http, lambda emit: self._import_from(source, wanted, _body(request), emit))

    async def _import_from(self, source: str, wanted: ImportRequest, body: AsyncIterator[bytes], emit: Emit) -> Image:
        if source == "-":
            return await import_image(self._catalog, wanted, body, emit)
        async with aclosing(download(source, emit, self._puller.registries())) as found:
            return await import_image(self._catalog, wanted, found, emit)

    async def _pull(self, request: Request) -> web.StreamResponse:
        reference, platform = _wanted(request), spelled_platform(request)
        auth = lenient_credentials(request.http.headers.get(HEADER, ""))
        meta = meta_headers(request.http.headers)
        pull = self._puller.pull_all_tags if reference.is_name_only else self._puller.pull
        return await stream_progress(request.http, lambda emit: pull(reference, emit, platform, auth, meta))

    async def _save(self, request: Request, names: list[str]) -> web.StreamResponse:
        wanted = plan_save(self._catalog, names, chosen_platform(request, Version(1, 48)))
        response = web.StreamResponse(headers={"Content-Type": "application/x-tar"})
        await response.prepare(request.http)
        async for chunk in save_images(self._catalog, wanted, self._scratch):
            await response.write(chunk)
        await response.write_eof()
        return response


async def _body(request: Request) -> AsyncIterator[bytes]:
    async for chunk in request.http.content.iter_chunked(CHUNK):
        yield chunk


def _wanted(request: Request) -> Reference:
    """`pull --all-tags` may send a name that ends in a colon."""
    reference = parse_repository(request.text("fromImage").removesuffix(":"), request.text("tag"))
    if reference.familiar_name == RESERVED:
        raise InvalidParameter(f"'{RESERVED}' is a reserved name")
    return reference


def _shown(source: str) -> str:
    return source if source == "-" or "://" in source else f"http://{source}"
