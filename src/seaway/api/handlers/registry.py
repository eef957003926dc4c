"""What is asked of registries without moving an image: `/auth`, `/distribution/{name}/json`, `/images/search`."""

from collections.abc import Callable

import msgspec
from aiohttp import web

from seaway.api.registry_auth import HEADER, AuthConfig, lenient_credentials
from seaway.api.request import Request
from seaway.api.respond import json_response
from seaway.api.router import Route
from seaway.base.errors import InvalidParameter
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.inspect import inspect_remote
from seaway.distribution.login import log_in
from seaway.distribution.search import plan_search, search
from seaway.oci.reference import parse_reference


class RegistryHandlers:
    def __init__(self, config: Callable[[], RegistryConfig]) -> None:
        self._config = config

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/auth", self.log_in),
            Route("GET", "/distribution/{name:.+}/json", self.inspect),
            Route("GET", "/images/search", self.search),
        ]

    async def log_in(self, request: Request) -> web.StreamResponse:
        wanted = await request.json(AuthConfig)
        token = await log_in(wanted.serveraddress, wanted.credentials(), self._config())
        return json_response({"IdentityToken": token, "Status": "Login Succeeded"})

    async def inspect(self, request: Request) -> web.StreamResponse:
        auth = lenient_credentials(request.http.headers.get(HEADER, ""))
        return json_response(await inspect_remote(parse_reference(request["name"]), self._config(), auth))

    async def search(self, request: Request) -> web.StreamResponse:
        wanted = plan_search(request.text("term"), _limit(request.text("limit")), request.filters())
        found = await search(wanted, self._config(), lenient_credentials(request.http.headers.get(HEADER, "")))
        return json_response([msgspec.to_builtins(one) for one in found])


def _limit(text: str) -> int:
    if not text:
        return 0
    if not (text.isascii() and text.isdecimal()):
        raise InvalidParameter(f'invalid limit specified: strconv.Atoi: parsing "{text}": invalid syntax')
    return int(text[:18])
