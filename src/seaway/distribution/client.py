"""One repository at one endpoint of a registry: its manifests, tags and blobs, over the distribution API v2."""

import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import msgspec

from seaway.base import gojson
from seaway.distribution.auth import Challenge, Credentials, parse_challenge, parse_token, refresh_form, token_query
from seaway.distribution.connection import tls_context, told_as_go_does
from seaway.distribution.endpoints import Endpoint, RegistryConfig
from seaway.distribution.errors import Answer, RegistryFailure, RegistryRefusal, parse_failure
from seaway.kernel.worker import run_blocking
from seaway.oci import mediatypes
from seaway.oci.digest import Digest

MANIFEST_LIMIT = 4 << 20
ERROR_LIMIT = 64 << 10


@dataclass(frozen=True, slots=True)
class RawManifest:
    data: bytes
    content_type: str


class Repository:
    """`connect` before anything else. Raises RegistryUnreachable, RegistryRefusal (no) or RegistryFailure (not now)."""

    def __init__(
        self, http: aiohttp.ClientSession, endpoint: Endpoint, path: str, credentials: Credentials | None
    ) -> None:
        self.endpoint = endpoint
        self._http = http
        self._base = f"{endpoint.url}/v2/"
        self._path = path
        self._credentials = credentials
        self._ssl: ssl.SSLContext | bool = True
        self._challenge: Challenge | None = None
        self._authorization = ""

    async def connect(self, config: RegistryConfig) -> None:
        """Is a registry there, and how does it want us to log in?"""
        if self.endpoint.url.startswith("https:"):
            self._ssl = await run_blocking(tls_context, self.endpoint, config.certs_dir)
        async with told_as_go_does("GET", self._base):
            async with self._http.get(self._base, ssl=self._ssl) as answer:
                if answer.status == 401:
                    self._challenge = _challenge(answer)

    async def manifest(self, tag_or_digest: str) -> RawManifest:
        headers = {"Accept": ", ".join(mediatypes.ACCEPTED)}
        async with self._get(f"{self._path}/manifests/{tag_or_digest}", headers) as answer:
            data = await _read(answer, MANIFEST_LIMIT)
            if len(data) > MANIFEST_LIMIT:
                raise RegistryRefusal("", f"manifest of more than {MANIFEST_LIMIT} bytes")
            return RawManifest(data, answer.content_type)

    async def tags(self) -> tuple[str, ...]:
        async with self._get(f"{self._path}/tags/list", {}) as answer:
            try:
                return gojson.decode(await answer.read(), _Tags).tags
            except msgspec.DecodeError as failure:
                raise RegistryFailure(f"invalid list of tags: {failure}") from failure

    @asynccontextmanager
    async def blob(self, digest: Digest, offset: int = 0) -> AsyncIterator["BlobBody"]:
        headers = {"Range": f"bytes={offset}-"} if offset else {}
        async with self._get(f"{self._path}/blobs/{digest}", headers) as answer:
            yield BlobBody(answer, offset if answer.status == 206 else 0)

    @asynccontextmanager
    async def _get(self, path: str, headers: dict[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
        """A successful answer. A token that has run out is asked for once more."""
        url = self._base + path
        async with AsyncExitStack() as stack, told_as_go_does("GET", url):
            sent = await self._authorise()
            answer = await stack.enter_async_context(self._http.get(url, headers=headers | sent, ssl=self._ssl))
            if answer.status == 401 and (challenge := _challenge(answer)) and self._may_ask_again(challenge, sent):
                self._challenge, self._authorization = challenge, ""
                sent = await self._authorise()
                answer = await stack.enter_async_context(self._http.get(url, headers=headers | sent, ssl=self._ssl))
            if answer.status not in (200, 206):
                raise await _failure(answer)
            yield answer

    def _may_ask_again(self, challenge: Challenge, sent: dict[str, str]) -> bool:
        return not sent or (challenge.scheme == "bearer" and challenge.parameters.get("error") == "invalid_token")

    async def _authorise(self) -> dict[str, str]:
        if self._challenge and not self._authorization:
            self._authorization = await self._new_authorization(self._challenge)
        return {"Authorization": self._authorization} if self._authorization else {}

    async def _new_authorization(self, challenge: Challenge) -> str:
        if challenge.scheme == "basic":
            return self._credentials.basic() if self._credentials and self._credentials.username else ""
        if challenge.scheme != "bearer":
            return ""
        if self._credentials and self._credentials.registry_token:
            return f"Bearer {self._credentials.registry_token}"
        return f"Bearer {await self._fetch_token(challenge)}"

    async def _fetch_token(self, challenge: Challenge) -> str:
        realm, scope = challenge.parameters.get("realm", ""), f"repository:{self._path}:pull"
        who = self._credentials
        async with told_as_go_does("GET", realm), AsyncExitStack() as stack:
            if who and who.identity_token:
                form = refresh_form(challenge, scope, who)
                answer = await stack.enter_async_context(self._http.post(realm, data=form, ssl=self._ssl))
            else:
                headers = {"Authorization": who.basic()} if who and who.username else {}
                query = token_query(challenge, scope, who)
                request = self._http.get(realm, params=query, headers=headers, ssl=self._ssl)
                answer = await stack.enter_async_context(request)
            if answer.status != 200:
                raise await _failure(answer)
            return parse_token(await answer.read())


@dataclass(frozen=True, slots=True)
class BlobBody:
    answer: aiohttp.ClientResponse
    offset: int
    """Where the body starts: 0 where the registry does not resume."""

    async def chunks(self) -> AsyncIterator[bytes]:
        async for chunk in self.answer.content.iter_any():
            yield chunk


class _Tags(msgspec.Struct, frozen=True):
    tags: tuple[str, ...] = ()


def _challenge(answer: aiohttp.ClientResponse) -> Challenge | None:
    found = [c for header in answer.headers.getall("WWW-Authenticate", []) if (c := parse_challenge(header))]
    return next((c for c in found if c.scheme == "bearer"), found[0] if found else None)


async def _failure(answer: aiohttp.ClientResponse) -> RegistryFailure | RegistryRefusal:
    challenge = _challenge(answer)
    parameters = dict(challenge.parameters) if challenge and challenge.scheme == "bearer" else {}
    return parse_failure(Answer(answer.status, answer.reason or "", await _read(answer, ERROR_LIMIT), parameters))


async def _read(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """A little more than `limit` at most, so that the caller sees that there was more."""
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk
        if len(data) > limit:
            break
    return bytes(data)
