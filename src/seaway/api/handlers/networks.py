"""The `/networks` routes."""

import msgspec
from aiohttp import web

from seaway.api.createversions import endpoint_of_version
from seaway.api.request import Request
from seaway.api.respond import empty_response, json_response
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.base.filters import Filters
from seaway.engine import networks
from seaway.engine.context import Engine
from seaway.model.network import EndpointSettings, NetworkCreate
from seaway.networks.drivers import FALSE, TRUE
from seaway.networks.network import PREDEFINED, Network, NoSuchNetwork

FILTERS = ("dangling", "driver", "id", "label", "name", "scope", "type")


class ConnectBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    container: str = ""
    endpoint_config: EndpointSettings | None = None


class DisconnectBody(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    container: str = ""
    force: bool = False


class NetworkHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine, self._controller = engine, engine.networks.controller

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/networks", self.list),
            Route("GET", "/networks/", self.list),
            Route("POST", "/networks/create", self.create),
            Route("POST", "/networks/prune", self.prune),
            Route("GET", "/networks/{name}", self.inspect),
            Route("POST", "/networks/{name}/connect", self.connect),
            Route("POST", "/networks/{name}/disconnect", self.disconnect),
            Route("DELETE", "/networks/{name}", self.remove),
        ]

    async def list(self, request: Request) -> web.StreamResponse:
        filters = request.filters()
        filters.validate(FILTERS)
        found = [n for n in self._controller.networks() if self._matches(n, filters)]
        if request.version < Version(1, 28):
            return json_response([self._controller.inspect(n.id) for n in found])
        return json_response([self._controller.summary(n) for n in found])

    async def inspect(self, request: Request) -> web.StreamResponse:
        if (verbose := request.text("verbose")) not in ("", *TRUE, *FALSE):
            why = f'strconv.ParseBool: parsing "{verbose}": invalid syntax'
            raise InvalidParameter(f"invalid value for verbose: {verbose}: {why}")
        scope = request.text("scope")
        network = self._controller.find(request["name"])
        if scope not in ("", network.scope):
            raise NoSuchNetwork(request["name"])
        return json_response(self._controller.inspect(network.id))

    async def create(self, request: Request) -> web.StreamResponse:
        body = await request.json(NetworkCreate)
        if request.version < Version(1, 48):
            body = msgspec.structs.replace(body, enable_ipv4=None)
        network = await self._engine.supervisor.shielded(networks.create_network(self._engine, body), "create network")
        return json_response({"Id": network.id, "Warning": ""}, 201)

    async def connect(self, request: Request) -> web.StreamResponse:
        body = await request.json(ConnectBody)
        wish = endpoint_of_version(body.endpoint_config or EndpointSettings(), request.version)
        work = networks.connect(self._engine, request["name"], body.container, wish)
        await self._engine.supervisor.shielded(work, "connect")
        return empty_response(200)

    async def disconnect(self, request: Request) -> web.StreamResponse:
        body = await request.json(DisconnectBody)
        work = networks.disconnect(self._engine, request["name"], body.container, force=body.force)
        await self._engine.supervisor.shielded(work, "disconnect")
        return empty_response(200)

    async def remove(self, request: Request) -> web.StreamResponse:
        await self._engine.supervisor.shielded(networks.remove_network(self._engine, request["name"]), "remove network")
        return empty_response()

    async def prune(self, request: Request) -> web.StreamResponse:
        work = networks.prune_networks(self._engine, request.filters())
        gone = await self._engine.supervisor.shielded(work, "prune networks")
        return json_response({"NetworksDeleted": gone or None})

    def _matches(self, network: Network, filters: Filters) -> bool:
        return (
            filters.matches_prefix("id", network.id)
            and filters.matches_exactly("driver", network.driver)
            and filters.matches_exactly("scope", network.scope)
            and filters.matches_labels("label", network.labels)
            and (not filters.get("name") or any(name in network.name for name in filters.get("name")))
            and _matches_type(network, filters)
            and ("dangling" not in filters or self._is_dangling(network) == filters.flag("dangling"))
        )

    def _is_dangling(self, network: Network) -> bool:
        return network.name not in PREDEFINED and not self._controller.containers_on(network)


def _matches_type(network: Network, filters: Filters) -> bool:
    wanted = filters.get("type")
    if unknown := [kind for kind in wanted if kind not in ("builtin", "custom")]:
        raise InvalidParameter(f"invalid filter: 'type'='{unknown[0]}'")
    return not wanted or ("builtin" if network.name in PREDEFINED else "custom") in wanted
