"""Requests to one endpoint of a registry, authorised as it wants them to be.

Raises RegistryUnreachable, RegistryRefusal (it said no) or RegistryFailure (not now).
"""

import ssl
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from yarl import URL

from seaway.distribution.auth import (
    Challenge,
    Credentials,
    Token,
    parse_challenge,
    parse_token,
    refresh_form,
    token_query,
)
from seaway.distribution.connection import tls_context, told_as_go_does
from seaway.distribution.endpoints import Endpoint
from seaway.distribution.errors import (
    Answer,
    NoBasicAuth,
    RegistryFailure,
    RegistryRefusal,
    parse_failure,
    parse_retry_after,
)
from seaway.distribution.transport import Transport
from seaway.kernel.worker import run_blocking

ERROR_LIMIT = 64 << 10
V1_LIMIT = 8 << 20
Scopes = tuple[str, ...]


class TokenExpired(RegistryFailure):
    pass


class RegistrySession:
    """`connect` before anything else."""

    def __init__(self, http: Transport, endpoint: Endpoint, credentials: Credentials | None) -> None:
        self.endpoint = endpoint
        self.base = endpoint.api
        self.identity_token = ""
        """What the token server gave in exchange for a password, where it does."""
        self._http = http
        self._credentials = credentials
        self._ssl: ssl.SSLContext | bool = True
        self._challenge: Challenge | None = None
        self._tokens: dict[Scopes, Token] = {}

    async def connect(self) -> None:
        """Is a registry there, and how does it want us to log in?"""
        await self._prepare_tls()
        async with told_as_go_does("GET", self.base), self._ask("GET", self.base) as answer:
            if answer.status == 401:
                self._challenge = _challenge(answer)

    @asynccontextmanager
    async def send(
        self,
        method: str,
        url: str,
        scopes: Scopes,
        *,
        headers: dict[str, str] | None = None,
        data: Any = None,
        accepted: tuple[int, ...] = (200,),
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """An answer with one of the `accepted` states. A token that is refused is asked for once more; where `data`
        is a stream, which cannot be sent twice, TokenExpired leaves that to the caller."""
        async with AsyncExitStack() as stack, told_as_go_does(method, url):
            sent = await self._authorise(method, url, scopes)
            answer = await stack.enter_async_context(self._ask(method, url, {**(headers or {}), **sent}, data))
            if answer.status == 401 and self._learns(_challenge(answer), scopes, sent):
                if not (data is None or isinstance(data, bytes)):
                    raise TokenExpired(f'{method.capitalize()} "{url}": the token expired while data was sent')
                await stack.aclose()
                sent = await self._authorise(method, url, scopes)
                answer = await stack.enter_async_context(self._ask(method, url, {**(headers or {}), **sent}, data))
            if answer.status not in accepted:
                raise await failure_of(answer)
            yield answer

    async def log_in(self) -> str:
        """What the registry says to who comes with these credentials: `200 OK`, we hope."""
        async with told_as_go_does("GET", self.base):
            headers = await self._authorise("GET", self.base, ())
            async with self._ask("GET", self.base, headers) as answer:
                return f"{answer.status} {answer.reason}"

    @asynccontextmanager
    async def get_foreign(
        self, url: str, headers: dict[str, str], accepted: tuple[int, ...]
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """What is not the registry's: it learns neither who asks nor what for."""
        async with told_as_go_does("GET", url), self._http.request("GET", URL(url), True, headers) as answer:
            if answer.status not in accepted:
                raise await failure_of(answer)
            yield answer

    async def get_v1(self, url: str) -> tuple[int, bytes]:
        """The old API knows names and passwords only, and does not ask for them."""
        await self._prepare_tls()
        who = self._credentials
        headers = {"X-Docker-Token": "true"} | ({"Authorization": who.basic()} if who and who.username else {})
        async with told_as_go_does("GET", url), self._ask("GET", url, headers) as answer:
            return answer.status, await read_up_to(answer, V1_LIMIT)

    async def _prepare_tls(self) -> None:
        if self.endpoint.url.startswith("https:"):
            self._ssl = await run_blocking(tls_context, self.endpoint, self._http.config.certs_dir)

    def _ask(
        self, method: str, url: str, headers: dict[str, str] | None = None, data: Any = None
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        added = dict(self._http.config.meta_headers) | dict(self.endpoint.told.headers if self.endpoint.told else ())
        return self._http.request(method, URL(url, encoded=True), self._ssl, {**added, **(headers or {})}, data)

    def _learns(self, challenge: Challenge | None, scopes: Scopes, sent: dict[str, str]) -> bool:
        """Is there a better way to ask? A challenge where none was met, or a token that ran out."""
        if challenge is None or (challenge.scheme == "basic" and "Authorization" in sent):
            return False
        if challenge.parameters.get("error") == "insufficient_scope":
            return False
        self._challenge = challenge
        self._tokens.pop(scopes, None)
        return True

    async def _authorise(self, method: str, url: str, scopes: Scopes) -> dict[str, str]:
        challenge, who = self._challenge, self._credentials
        if challenge is None or challenge.scheme not in ("basic", "bearer"):
            return {}
        if challenge.scheme == "basic":
            if not (who and who.username):
                raise NoBasicAuth(f'{method.capitalize()} "{url}": no basic auth credentials')
            return {"Authorization": who.basic()}
        if who and who.registry_token:
            return {"Authorization": f"Bearer {who.registry_token}"}
        token = self._tokens.get(scopes)
        if token is None or token.expires_at <= time.time():
            token = self._tokens[scopes] = await self._fetch_token(challenge, scopes)
        return {"Authorization": f"Bearer {token.value}"}

    async def _fetch_token(self, challenge: Challenge, scopes: Scopes) -> Token:
        realm, who = challenge.parameters.get("realm", ""), self._credentials
        async with told_as_go_does("GET", realm), AsyncExitStack() as stack:
            url, meta = URL(realm), dict(self._http.config.meta_headers)
            if who and who.identity_token:
                form = urlencode(refresh_form(challenge, scopes, who)).encode()
                headers = {**meta, "Content-Type": "application/x-www-form-urlencoded"}
                answer = await stack.enter_async_context(self._http.request("POST", url, self._ssl, headers, form))
            else:
                headers = meta | ({"Authorization": who.basic()} if who and who.username else {})
                url = url.update_query([*url.query.items(), *token_query(challenge, scopes, who)])
                answer = await stack.enter_async_context(self._http.request("GET", url, self._ssl, headers))
            if answer.status != 200:
                raise await failure_of(answer)
            token = parse_token(await answer.read(), time.time())
        self.identity_token = token.refresh or self.identity_token
        return token


async def failure_of(answer: aiohttp.ClientResponse) -> RegistryFailure | RegistryRefusal:
    challenge = _challenge(answer)
    parameters = dict(challenge.parameters) if challenge and challenge.scheme == "bearer" else {}
    retry_after_s = parse_retry_after(answer.headers.get("Retry-After", ""), time.time())
    body = await read_up_to(answer, ERROR_LIMIT)
    return parse_failure(Answer(answer.status, answer.reason or "", body, parameters, retry_after_s))


async def read_up_to(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """A little more than `limit` at most, so that the caller sees that there was more."""
    data = bytearray()
    async for chunk in answer.content.iter_any():
        data += chunk
        if len(data) > limit:
            break
    return bytes(data)


def _challenge(answer: aiohttp.ClientResponse) -> Challenge | None:
    found = [c for header in answer.headers.getall("WWW-Authenticate", []) if (c := parse_challenge(header))]
    return next((c for c in found if c.scheme == "bearer"), found[0] if found else None)
