"""The HTTP server: finds the route, speaks the version, adds dockerd's headers, turns failures into replies."""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

from aiohttp import web
from aiohttp.web_server import Server

from seaway.api.authorization import admit
from seaway.api.connection import Connection
from seaway.api.errors import error_response, log_failure
from seaway.api.httprequest import LINE_LIMIT, HttpRequest
from seaway.api.listeners import open_listeners
from seaway.api.protocol import check_query, moved, no_such_page, refuse_protocol
from seaway.api.request import Request
from seaway.api.router import Match, Router, clean_path
from seaway.api.tls import TlsProtocol
from seaway.api.versions import MAX_VERSION, MIN_VERSION, Version, negotiate, parse_version
from seaway.config.hosts import Listen
from seaway.plugins.authz import AuthorizationPlugins

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Identity:
    """What every reply says of the engine."""

    version: str
    experimental: bool = False

    @property
    def base_headers(self) -> dict[str, str]:
        """Those of a reply that refuses the version."""
        return {"Api-Version": str(MAX_VERSION), "Ostype": "linux", "Server": f"Docker/{self.version} (linux)"}

    @property
    def headers(self) -> dict[str, str]:
        return {"Docker-Experimental": str(self.experimental).lower(), **self.base_headers}


class HttpServer(Server):
    def __call__(self) -> Connection:
        return Connection(self, loop=self._loop, **self._kwargs)


class ApiServer:
    def __init__(
        self,
        router: Router,
        identity: Identity,
        plugins: AuthorizationPlugins | None = None,
        minimum: Version = MIN_VERSION,
        rest: "asyncio.Future[Router] | None" = None,
    ) -> None:
        """`rest`: the routes that come later; a request for none of `router`'s waits for them."""
        self._router, self._rest, self._plugins, self._minimum = router, rest, plugins, minimum
        self._base_headers, self._headers = identity.base_headers, identity.headers
        self._listening: list[asyncio.Server] = []
        self._files: list[Path] = []
        loop = asyncio.get_running_loop()
        self._http = HttpServer(
            self._answer,
            request_factory=self._make_request,
            handler_cancellation=True,
            max_line_size=LINE_LIMIT,
            max_field_size=LINE_LIMIT,
            auto_decompress=False,
            access_log=None,
            loop=loop,
        )

    @property
    def connections(self) -> int:
        """Clients of HTTP and of streams, idle ones included."""
        return len(self._http.connections)

    async def listen(self, sockets: Sequence[socket], tls: ssl.SSLContext | None = None) -> None:
        """Serve on sockets that already listen. TLS is ours (`api.tls`), because asyncio's cannot half-close."""
        loop = asyncio.get_running_loop()
        for sock in sockets:
            factory = self._http if tls is None else (lambda: TlsProtocol(tls, self._http()))
            self._listening.append(await loop.create_server(factory, sock=sock, backlog=1024))

    async def serve(self, listen: Listen, *, group: str = "docker", tls: ssl.SSLContext | None = None) -> None:
        """Open and serve an address; TLS is for tcp only. A socket file that we made goes away with us."""
        sockets = open_listeners(listen, group=group)
        if listen.protocol == "unix":
            self._files.append(Path(listen.address))
        await self.listen(sockets, tls if listen.protocol == "tcp" else None)

    async def close(self, timeout_s: float = 5.0) -> None:
        """Accept no more, give requests under way `timeout_s`, then cancel them."""
        for server in self._listening:
            server.close()
        for file in self._files:
            file.unlink(missing_ok=True)
        self._http.pre_shutdown()
        await self._http.shutdown(timeout_s)
        self._listening.clear()
        self._files.clear()

    def _make_request(self, message: Any, payload: Any, protocol: Any, writer: Any, task: Any) -> HttpRequest:
        protocol.body_of_current = payload
        return HttpRequest(message, payload, protocol, writer, task, asyncio.get_running_loop(), client_max_size=0)

    async def _answer(self, http: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(http, HttpRequest)
        if refusal := refuse_protocol(http, http.raw_target):
            return refusal
        path = http.rel_url.path
        if (clean := clean_path(path)) != path:
            return moved(clean, http.rel_url.raw_query_string)
        match = self._router.match(http.method, path)
        if match is None and self._rest:
            match = (await asyncio.shield(self._rest)).match(http.method, path)
        if match is None:
            return no_such_page()
        try:
            return await self._handle(http, match)
        except (asyncio.CancelledError, ConnectionError):
            raise
        except Exception as failure:
            log_failure(failure, http.method, http.path)
            if http.replied:
                # The reply is under way: only breaking it off can say that it failed.
                raise ConnectionError("the reply failed midway") from failure
            return error_response(failure, plain_text=_is_old(match.version))

    async def _handle(self, http: HttpRequest, match: Match) -> web.StreamResponse:
        http.engine_headers = self._base_headers
        version = negotiate(match.version, self._minimum)
        http.engine_headers = self._headers
        check_query(http.raw_target)
        if http.headers.get("Expect", "").lower() == "100-continue":
            await http.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            http.writer.output_size = 0
        request = Request(http, match.variables, version)
        if not self._plugins:
            return await match.handler(request)
        admitted = await admit(self._plugins, http)
        response = await match.handler(request)
        await admitted.release(response)
        return response


def _is_old(version: str | None) -> bool:
    return version is not None and parse_version(version) < MIN_VERSION
