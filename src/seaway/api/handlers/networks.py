"""The `/networks` routes, as far as they read."""

from aiohttp import web

from seaway.api.request import Request
from seaway.api.respond import json_response
from seaway.api.router import Route
from seaway.networks.controller import NetworkController

FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")


class NetworkHandlers:
    def __init__(self, controller: NetworkController) -> None:
        self._controller = controller

    def routes(self) -> list[Route]:
        return [Route("GET", "/networks", self.list), Route("GET", "/networks/{name}", self.inspect)]

    async def list(self, request: Request) -> web.StreamResponse:
        filters = request.filters()
        filters.validate(FILTERS)
        return json_response(
            [
                n
                for n in self._controller.list_wire()
                if filters.matches_prefix("id", n["Id"])
                and filters.matches_exactly("driver", n["Driver"])
                and filters.matches_exactly("scope", n["Scope"])
                and filters.matches_labels("label", n["Labels"])
                and (not filters.get("name") or any(name in n["Name"] for name in filters.get("name")))
            ]
        )

    async def inspect(self, request: Request) -> web.StreamResponse:
        return json_response(self._controller.inspect(request["name"]))
