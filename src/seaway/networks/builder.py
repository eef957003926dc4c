"""Builds a container's namespace with all that leads to it, and takes it down again."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from seaway.base.errors import EngineError, Forbidden
from seaway.base.failpoints import failpoint
from seaway.base.ids import new_id
from seaway.model.network import EndpointSettings
from seaway.networks import furnishing, lent, links
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.dns.client import Sockets
from seaway.networks.dns.sockets import open_sockets
from seaway.networks.endpoint import new_endpoint, wished_address, with_outcome
from seaway.networks.foreign import Foreign, external_options
from seaway.networks.ipam import Address
from seaway.networks.names import view_of
from seaway.networks.network import Network
from seaway.networks.plan import EndpointPlan, host_link, plan_endpoint
from seaway.networks.ports import plan_wishes
from seaway.networks.publisher import Publisher
from seaway.networks.sandbox import ExternalConnectivityFailed, Sandbox, SandboxRequest, port_map
from seaway.networks.wayout import choose_ways_out, ways_by

NOTHING_CLAIMED: Mapping[str, Address] = {}


class SandboxBuilder:
    """Namespaces get their names in `directory`; `ephemeral` is the range of ports for those who ask for any."""

    def __init__(
        self,
        directory: Path,
        catalog: NetworkCatalog,
        publisher: Publisher,
        foreign: Foreign,
        ephemeral: tuple[int, int],
    ) -> None:
        self._directory, self._catalog, self._publisher, self._ephemeral = directory, catalog, publisher, ephemeral
        self._foreign = foreign

    async def build(
        self,
        request: SandboxRequest,
        networks: Iterable[tuple[Network, EndpointSettings]],
        undo: AsyncExitStack,
        claimed: Mapping[str, Address] = NOTHING_CLAIMED,
        gateway: Network | None = None,
    ) -> tuple[Sandbox, Sockets | None]:
        """`claimed` are addresses by network ID that the cluster has given; `gateway` is one network more, which is not
        the container's own. The sockets are the DNS server's; there are none where the container has no need of it."""
        sandbox_id = new_id()
        path = self._directory / sandbox_id[:12]
        wishes = list(networks)
        all_wishes = [*wishes, *([(gateway, EndpointSettings())] if gateway else [])]
        endpoints, plans = await self._plan(request, all_wishes, undo, claimed, path)
        beside = endpoints.pop(gateway.name) if gateway else None
        sandbox = Sandbox(sandbox_id, path, endpoints, servers=request.external_servers, gateway=beside)
        undo.push_async_callback(links.tear_down_sandbox, path, [p.host_link for p in plans if p.host_link])
        # Its last owner may still answer for an address, and traffic to his ports go to it.
        await self._catalog.wait_vacant([a for p in plans for a in (p.address, p.address6) if a])
        opened: list[Sockets] = []
        is_resolved = view_of(sandbox, [n for n, _ in wishes]) is not None
        await furnishing.build_sandbox(
            path, plans, lambda: opened.append(open_sockets()) if is_resolved else None, request.ids
        )
        failpoint("start: namespace made")
        for each in (s for pair in opened for s in pair):
            undo.callback(each.close)
        published = await self._publish(request, sandbox) if plans else sandbox
        return published, opened[0] if opened else None

    async def _plan(
        self,
        request: SandboxRequest,
        wishes: Sequence[tuple[Network, EndpointSettings]],
        undo: AsyncExitStack,
        claimed: Mapping[str, Address],
        path: Path,
    ) -> tuple[dict[str, EndpointSettings], list[EndpointPlan]]:
        endpoints: dict[str, EndpointSettings] = {}
        plans: list[EndpointPlan] = []
        ways_out = choose_ways_out(wishes)
        for network, wish in wishes:
            endpoints[network.name], plan = await plan_on(
                self._catalog,
                self._foreign,
                network,
                wish,
                undo,
                mac="" if plans else request.mac_address,
                claimed=claimed.get(network.id),
                number=len(plans),
                sandbox=path,
                ways_out=ways_by(network, ways_out),
                proxied=self._publisher.proxied,
            )
            plans += [plan] if plan else []
        return endpoints, plans

    async def _publish(self, request: SandboxRequest, sandbox: Sandbox) -> Sandbox:
        first = sandbox.published_endpoint
        if first is None:
            return sandbox
        network = self._catalog.find(first.network_id)
        if network.is_foreign:
            await self._foreign.publish(network, first, external_options(request.port_bindings, request.exposed_ports))
            return replace(sandbox, ports=port_map((), request.exposed_ports if self._is_on_ours(sandbox) else ()))
        wishes = plan_wishes(
            request.port_bindings,
            request.exposed_ports,
            publish_all=request.publish_all,
            ephemeral=self._ephemeral,
            default_ips=network.host_ips,
            routed=network.routed,
        )
        try:
            published = await self._publisher.publish(wishes, sandbox.target_of, request.name)
        except EngineError as failed:
            raise ExternalConnectivityFailed(request.name, first.endpoint_id, failed) from failed
        return replace(sandbox, ports=port_map(published, request.exposed_ports))

    def _is_on_ours(self, sandbox: Sandbox) -> bool:
        """dockerd shows no ports of a container that only plugins' networks have, whatever these say."""
        return any(not self._catalog.find(e.network_id).is_foreign for e in sandbox.attachments.values())

    async def tear_down(self, sandbox: Sandbox | None) -> None:
        if sandbox is None or sandbox.netns_path is None:
            return
        async with AsyncExitStack() as steps:
            devices = [
                host_link(e.endpoint_id) for e in sandbox.attachments.values() if e.ip_address or e.global_ipv6_address
            ]
            for endpoint in sandbox.endpoints.values():
                if network := self._catalog.get(endpoint.network_id):
                    steps.push_async_callback(self._foreign.leave, network, endpoint)
            steps.push_async_callback(links.tear_down_sandbox, sandbox.netns_path, devices)
            for endpoint in sandbox.endpoints.values():
                if (network := self._catalog.get(endpoint.network_id)) and network.is_foreign:
                    steps.push_async_callback(lent.give_back, sandbox.netns_path, endpoint)
            if published := sandbox.published:
                await self._publisher.withdraw(published)


async def plan_on(
    catalog: NetworkCatalog,
    foreign: Foreign,
    network: Network,
    wish: EndpointSettings,
    undo: AsyncExitStack,
    *,
    number: int,
    sandbox: Path,
    ways_out: frozenset[int],
    proxied: bool,
    mac: str = "",
    claimed: Address | None = None,
) -> tuple[EndpointSettings, EndpointPlan | None]:
    """A new endpoint with an address (`claimed`, if it is one of the cluster's), which `undo` gives back; no plan where
    the network has no devices."""
    if network.config_only:
        raise Forbidden("cannot create endpoint on configuration-only network")
    endpoint = new_endpoint(network, wish)
    if not network.has_devices:
        return endpoint, None
    addresses: list[Address | None] = []
    for version, pool, pool_id in ((4, network.pool, network.pool_id), (6, network.pool6, network.pool_id6)):
        wanted = (claimed if version == 4 else None) or wished_address(wish, version)
        if pool_id:
            await catalog.wait_vacant([str(wanted)])
            wanted = await foreign.claim(network, wanted, wish.mac_address or mac, undo, version)
        taken = catalog.take_address(network.id, wanted, version) if pool else None
        if taken:
            undo.callback(catalog.release_address, network.id, taken)
        addresses.append(taken)
    plan = plan_endpoint(
        network,
        endpoint.endpoint_id,
        *addresses,
        wish=wish,
        mac=mac,
        number=number,
        ways_out=ways_out,
        proxied=proxied,
    )
    if network.is_foreign:
        plan = await foreign.attach(network, endpoint, plan, sandbox, undo)
    return with_outcome(endpoint, plan), plan
