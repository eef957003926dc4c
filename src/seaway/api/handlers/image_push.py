"""`POST /images/{name}/push`."""

from aiohttp import web

from seaway.api.platforms import chosen_platform
from seaway.api.progress import stream_progress
from seaway.api.registry_auth import HEADER, lenient_credentials, meta_headers, parse_credentials_body
from seaway.api.request import Request
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.distribution.auth import Credentials
from seaway.images.push import ImagePusher
from seaway.oci.reference import parse_repository


class ImagePushHandlers:
    def __init__(self, pusher: ImagePusher) -> None:
        self._pusher = pusher

    def routes(self) -> list[Route]:
        return [Route("POST", "/images/{name:.+}/push", self.push)]

    async def push(self, request: Request) -> web.StreamResponse:
        """Without a tag it means all of them."""
        reference = parse_repository(request["name"], request.text("tag"))
        platform, auth = chosen_platform(request, Version(1, 46)), await _credentials(request)
        meta = meta_headers(request.http.headers)
        push = self._pusher.push
        return await stream_progress(request.http, lambda emit: push(reference, emit, platform, auth, meta))


async def _credentials(request: Request) -> Credentials | None:
    header = request.http.headers.get(HEADER)
    if header:
        return lenient_credentials(header)
    return parse_credentials_body(await request.http.read())
