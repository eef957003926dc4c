"""One request over HTTP: through a proxy where there is one, and on where the registry points to.

A redirect to another host (a blob store, mostly) gets nothing that was meant for the registry: no Authorization, none
of the headers that its client or `hosts.toml` added.
"""

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import aiohttp
from yarl import URL

from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryFailure

CONNECT_TIMEOUT_S = 30
READ_TIMEOUT_S = 60
REDIRECT_LIMIT = 10
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_FOR_ANYBODY = frozenset({"accept", "range"})


class Transport:
    def __init__(self, http: aiohttp.ClientSession, config: RegistryConfig) -> None:
        self._http, self.config = http, config

    @asynccontextmanager
    async def request(
        self, method: str, url: URL, tls: ssl.SSLContext | bool, headers: Mapping[str, str], data: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The last answer. Only a request whose `data` can be sent again follows redirects."""
        async with AsyncExitStack() as stack:
            for _ in range(REDIRECT_LIMIT):
                proxy = self.config.proxies.for_url(url)
                sent = self._http.request(
                    method, url, ssl=tls, proxy=proxy, headers=headers, data=data, allow_redirects=False
                )
                answer = await stack.enter_async_context(sent)
                target = _target(answer) if data is None or isinstance(data, bytes) else None
                if target is None:
                    yield answer
                    return
                await stack.aclose()
                if target.origin() != url.origin():
                    headers = {name: value for name, value in headers.items() if name.lower() in _FOR_ANYBODY}
                url = target
            raise RegistryFailure(f"stopped after {REDIRECT_LIMIT} redirects")


def _target(answer: aiohttp.ClientResponse) -> URL | None:
    location = answer.headers.get("Location")
    if answer.status not in _REDIRECTS or not location:
        return None
    try:
        target = answer.url.join(URL(location, encoded=True))
    except ValueError as failure:
        raise RegistryFailure(f'failed to parse Location header "{location}"') from failure
    if target.scheme not in ("http", "https") or not target.host:
        raise RegistryFailure(f'unsupported protocol scheme "{target.scheme}"')
    return target


@asynccontextmanager
async def transport(config: RegistryConfig) -> AsyncIterator[Transport]:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S, sock_read=READ_TIMEOUT_S)
    async with aiohttp.ClientSession(
        timeout=timeout,
        headers={"User-Agent": config.user_agent, "Accept-Encoding": "identity"},
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as http:
        yield Transport(http, config)
