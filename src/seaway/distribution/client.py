"""One repository at one endpoint of a registry: its manifests, tags and blobs, over the distribution API v2."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec

from seaway.base import gojson
from seaway.base.errors import EngineError
from seaway.distribution.auth import Credentials
from seaway.distribution.endpoints import Endpoint
from seaway.distribution.errors import RegistryFailure, RegistryRefusal, RegistryUnreachable
from seaway.distribution.session import RegistrySession, Scopes, read_up_to
from seaway.distribution.transport import Transport
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, is_digest, parse_digest
from seaway.oci.manifest import Descriptor

MANIFEST_LIMIT = 4 << 20
OK, PARTIAL, RANGE_NOT_SATISFIABLE = 200, 206, 416
ANSWERS = (OK, PARTIAL, RANGE_NOT_SATISFIABLE)
_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-")


class RangeRefused(RegistryFailure):
    """The registry does not go on from there. From the start it may."""


@dataclass(frozen=True, slots=True)
class RawManifest:
    data: bytes
    content_type: str


class Repository:
    """`connect` before anything else; its failures are those of `RegistrySession`."""

    def __init__(
        self,
        http: Transport,
        endpoint: Endpoint,
        path: str,
        credentials: Credentials | None,
        actions: str = "pull",
    ) -> None:
        self.endpoint = endpoint
        self.session = RegistrySession(http, endpoint, credentials)
        self.scopes: Scopes = (f"repository:{path}:{actions}",)
        self.base = f"{self.session.base}{path}"

    async def connect(self) -> None:
        await self.session.connect()

    async def tag_digest(self, tag: str) -> Digest | None:
        """None where the registry does not tell: then only the manifest itself, or its refusal, does."""
        url, headers = f"{self.base}/manifests/{tag}", {"Accept": ", ".join(mediatypes.ACCEPTED)}
        try:
            async with self.session.send("HEAD", url, self.scopes, headers=headers) as answer:
                text = answer.headers.get("Docker-Content-Digest", "")
                return parse_digest(text) if is_digest(text) else None
        except (RegistryRefusal, RegistryFailure):
            return None

    async def manifest(self, tag_or_digest: str) -> RawManifest:
        headers = {"Accept": ", ".join(mediatypes.ACCEPTED)}
        async with self._get(f"{self.base}/manifests/{tag_or_digest}", headers) as answer:
            data = await read_up_to(answer, MANIFEST_LIMIT)
            if len(data) > MANIFEST_LIMIT:
                raise RegistryRefusal("", f"manifest of more than {MANIFEST_LIMIT} bytes")
            return RawManifest(data, answer.content_type)

    async def tags(self) -> tuple[str, ...]:
        """All of them, page by page."""
        found: list[str] = []
        url = f"{self.base}/tags/list"
        while url:
            async with self._get(url, {}) as answer:
                try:
                    found += gojson.decode(await answer.read(), _Tags).tags
                except msgspec.DecodeError as failure:
                    raise RegistryFailure(f"invalid list of tags: {failure}") from failure
                url = str(answer.links["next"]["url"]) if "next" in answer.links else ""
        return tuple(found)

    @asynccontextmanager
    async def blob(self, digest: Digest, offset: int = 0) -> AsyncIterator["BlobBody"]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with self._get(f"{self.base}/blobs/{digest}", headers) as answer:
            yield BlobBody(answer, _start_of(answer, offset))

    @asynccontextmanager
    async def layer(self, layer: Descriptor, offset: int = 0) -> AsyncIterator["BlobBody"]:
        """The blob, or where the registry has not got it, what is behind the layer's URLs, asked for as by anybody."""
        async with AsyncExitStack() as stack:
            try:
                body = await stack.enter_async_context(self.blob(layer.digest, offset))
            except RegistryRefusal:
                if not layer.urls:
                    raise
                body = await stack.enter_async_context(self._foreign(layer.urls, offset))
            yield body

    @asynccontextmanager
    async def _foreign(self, urls: Sequence[str], offset: int) -> AsyncIterator["BlobBody"]:
        failure: EngineError = RegistryRefusal("", "no URL of the layer can be asked")
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with AsyncExitStack() as stack:
            for url in urls:
                if not url.startswith(("http://", "https://")):
                    continue
                try:
                    answer = await stack.enter_async_context(self.session.get_foreign(url, headers, ANSWERS))
                except (RegistryUnreachable, RegistryFailure, RegistryRefusal) as caught:
                    failure = caught
                    continue
                yield BlobBody(answer, _start_of(answer, offset))
                return
        raise failure

    def _get(self, url: str, headers: dict[str, str]) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self.session.send("GET", url, self.scopes, headers=headers, accepted=ANSWERS)


@dataclass(frozen=True, slots=True)
class BlobBody:
    answer: aiohttp.ClientResponse
    offset: int
    """Where the body starts: 0 where the registry does not resume."""

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self.answer.content.iter_any():
            yield chunk


def _start_of(answer: aiohttp.ClientResponse, offset: int) -> int:
    if answer.status == RANGE_NOT_SATISFIABLE:
        raise RangeRefused(f"received unexpected HTTP status: {answer.status} {answer.reason}")
    if answer.status != PARTIAL:
        return 0
    said = _CONTENT_RANGE.match(answer.headers.get("Content-Range", ""))
    if said and int(said[1]) != offset:
        raise RangeRefused(f"asked for the bytes from {offset}, the registry sends those from {said[1]}")
    return offset


class _Tags(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] = ()
