"""Connecting a running container to one more network, and disconnecting it from one."""

from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import replace

from seaway.base.errors import Forbidden, InvalidParameter, NotFound
from seaway.base.failpoints import failpoint
from seaway.model.network import EndpointSettings
from seaway.networks import furnishing, lent, links
from seaway.networks.builder import plan_on
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.firewall.elements import PublishedPort
from seaway.networks.foreign import Foreign
from seaway.networks.ipam import Address
from seaway.networks.joined import Joined
from seaway.networks.network import Network
from seaway.networks.plan import host_link
from seaway.networks.publisher import Publisher
from seaway.networks.sandbox import Sandbox
from seaway.networks.wayout import VERSIONS, choose_ways_out, ways_by


class Hotplug:
    def __init__(self, catalog: NetworkCatalog, publisher: Publisher, foreign: Foreign) -> None:
        self._catalog, self._publisher, self._foreign = catalog, publisher, foreign

    async def attach(
        self, joined: Joined, network: Network, wish: EndpointSettings, claimed: Address | None = None
    ) -> Sandbox:
        """`claimed` is the address that the cluster has given."""
        sandbox = joined.sandbox
        check_attachable(joined, network)
        assert sandbox.netns_path
        async with AsyncExitStack() as undo:
            taken = await links.device_names(sandbox.netns_path)
            prefix = network.bridge.link_prefix if network.bridge else "eth"
            number = next(n for n in range(len(taken) + 1) if f"{prefix}{n}" not in taken)
            rivals = [(self._catalog.find(e.network_id), e) for e in sandbox.attachments.values()]
            ways_out = choose_ways_out([*rivals, (network, wish)])
            endpoint, plan = await plan_on(
                self._catalog,
                self._foreign,
                network,
                wish,
                undo,
                number=number,
                sandbox=sandbox.netns_path,
                claimed=claimed,
                ways_out=ways_by(network, ways_out),
                proxied=self._publisher.proxied,
            )
            assert plan
            await self._catalog.wait_vacant([plan.address, plan.address6])
            if plan.host_link:
                undo.push_async_callback(links.delete_link, plan.host_link)
            await furnishing.add_endpoint(sandbox.netns_path, plan)
            failpoint("connect: device made")
            undo.pop_all()
        after = replace(sandbox, endpoints={**sandbox.endpoints, network.name: endpoint})
        if after.published != sandbox.published:
            await self._publisher.move(sandbox.published, named(after.published, joined.name))
        return after

    async def detach(self, joined: Joined, network: Network) -> Sandbox:
        """From one that it is on. The next endpoint with a gateway becomes the way out, and the one that published
        ports lead to."""
        sandbox = joined.sandbox
        endpoint = sandbox.endpoints[network.name]
        rest = {name: e for name, e in sandbox.endpoints.items() if name != network.name}
        after = replace(sandbox, endpoints=rest)
        if after.published_endpoint is None:
            self._publisher.free(sandbox.published)
            await self._publisher.withdraw(sandbox.published)
            after = replace(after, ports=dict.fromkeys(sandbox.ports))
        elif after.published != sandbox.published:
            await self._publisher.move(sandbox.published, named(after.published, joined.name))
        await self._unplug(sandbox, network, endpoint)
        failpoint("disconnect: device gone")
        await self._foreign.leave(network, endpoint)
        self._catalog.release(endpoint)
        if sandbox.netns_path:
            await links.set_gateways(sandbox.netns_path, _new_gateways(sandbox, after))
        return after

    async def _unplug(self, sandbox: Sandbox, network: Network, endpoint: EndpointSettings) -> None:
        if network.is_foreign and sandbox.netns_path and await lent.give_back(sandbox.netns_path, endpoint):
            return
        if (network.parent or network.is_foreign) and sandbox.netns_path:
            address = endpoint.ip_address or endpoint.global_ipv6_address
            await links.delete_link_inside(sandbox.netns_path, endpoint.mac_address, address)
        elif network.bridge or network.overlay:
            await links.delete_link(host_link(endpoint.endpoint_id))


def _new_gateways(before: Sandbox, after: Sandbox) -> list[str]:
    """Of each version that leaves by another endpoint now; the kernel took the old route with its device."""
    ways = [(v, now) for v in VERSIONS if (now := after.way_out(v)) and now is not before.way_out(v)]
    return [now.gateway if version == 4 else now.ipv6_gateway for version, now in ways]


def named(ports: Iterable[PublishedPort], container: str) -> list[PublishedPort]:
    return [replace(port, container=container) for port in ports]


def check_attachable(joined: Joined, network: Network) -> None:
    sandbox = joined.sandbox
    if network.name in sandbox.endpoints:
        raise Forbidden(f"endpoint with name {joined.name} already exists in network {network.name}")
    if network.driver == "host":
        raise InvalidParameter(
            "cannot connect container to host network - container must be created in host network mode"
        )
    if sandbox.netns_path is None:
        raise InvalidParameter(
            "container sharing network namespace with another container or host "
            "cannot be connected to any other network"
        )
    if "none" in (network.name, *sandbox.endpoints):
        raise InvalidParameter(
            "container cannot be connected to multiple networks with one of the networks in private (none) mode"
        )


def check_detachable(container_id: str, joined: Joined | None, network: Network) -> EndpointSettings:
    """`joined` is None for one in another one's network."""
    endpoint = joined.sandbox.endpoints.get(network.name) if joined else None
    if endpoint is None:
        raise NotFound(f"container {container_id} is not connected to network {network.name}")
    if network.driver == "host":
        raise InvalidParameter(
            "cannot disconnect container from host network - container was created in host network mode"
        )
    return endpoint
