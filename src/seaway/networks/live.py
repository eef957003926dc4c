"""What changes while a container runs: its networks, its published ports, its rates, its names."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

import msgspec

from seaway.base.supervisor import Supervisor
from seaway.model.network import EndpointSettings, PortBinding
from seaway.networks import rates
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.files import ExternalServer
from seaway.networks.firewall.elements import Link
from seaway.networks.gwbridge import Gateways
from seaway.networks.hostside import HostSide
from seaway.networks.hotplug import Hotplug, check_attachable, check_detachable
from seaway.networks.joined import Joined
from seaway.networks.linking import Links
from seaway.networks.naming import Names
from seaway.networks.network import Network
from seaway.networks.overlay.driver import Overlay
from seaway.networks.plan import host_link
from seaway.networks.republish import Republisher
from seaway.networks.sandbox import Sandbox


class LiveNetworks:
    """`joined` has the running containers by ID, and is the controller's own."""

    def __init__(
        self,
        joined: dict[str, Joined],
        supervisor: Supervisor,
        catalog: NetworkCatalog,
        host: HostSide,
        hotplug: Hotplug,
        gateways: Gateways,
        republisher: Republisher,
        names: Names,
        overlay: Overlay,
        opened: Links,
    ) -> None:
        self._joined, self._supervisor, self._catalog, self._host = joined, supervisor, catalog, host
        self._hotplug, self._gateways, self._republisher = hotplug, gateways, republisher
        self._names, self._overlay, self._links = names, overlay, opened

    async def attach(self, container_id: str, network: str, wish: EndpointSettings | None = None) -> Sandbox:
        """Connect a running container to one more network."""
        joined, other, wish = self._joined[container_id], self._catalog.find(network), wish or EndpointSettings()
        check_attachable(joined, other)
        await self._host.mend(other)
        async with AsyncExitStack() as undo:
            claimed = await self._overlay.claim(other, container_id, wish, undo) if other.overlay else None
            after = Joined(joined.name, await self._hotplug.attach(joined, other, wish, claimed))
            undo.pop_all()
        after = await self._gateways.settle(after, self._networks_of(after))
        return await self._changed(container_id, after)

    async def detach(self, container_id: str, network: str) -> Sandbox:
        """Disconnect a running container from one of its networks."""
        other = self._catalog.find(network)
        endpoint = check_detachable(container_id, self._joined.get(container_id), other)
        joined = self._joined[container_id]
        ready = await self._gateways.settle(joined, [n for n in self._networks_of(joined) if n.id != other.id])
        after = Joined(joined.name, await self._hotplug.detach(ready, other))
        if other.overlay:
            await self._overlay.release(other, endpoint.ip_address)
        return await self._changed(container_id, after)

    async def republish(
        self, container_id: str, bindings: Mapping[str, Sequence[PortBinding] | None], exposed: Iterable[str]
    ) -> Sandbox:
        """Publish ports of a running container, or take them back: what `bindings` names, and nothing else."""
        joined = self._joined[container_id]
        sandbox = await self._republisher.change(joined, bindings, exposed)
        self._joined[container_id] = Joined(joined.name, sandbox)
        return sandbox

    async def open_links(self, container_id: str, calls: Iterable[tuple[str, str, int]]) -> None:
        """(address, protocol, port) of other containers on the default bridge that this one may call, and no others.
        Where all may call all there is nothing to do."""
        joined, bridge = self._joined[container_id], self._catalog.find("bridge").bridge
        own = joined.sandbox.endpoints.get("bridge")
        if own and bridge and not bridge.icc:
            await self._links.open(container_id, [Link(own.ip_address, *c, caller=joined.name) for c in calls])

    async def limit(self, container_id: str, network: str, options: Mapping[str, str]) -> Sandbox:
        """The endpoint of a running container has `options` from now on, with the rates that are among them."""
        joined = self._joined[container_id]
        sandbox, endpoint = joined.sandbox, joined.sandbox.endpoints[network]
        if sandbox.netns_path:
            device = (
                host_link(endpoint.endpoint_id) if self._catalog.find(endpoint.network_id or network).bridge else ""
            )
            await rates.limit(sandbox.netns_path, endpoint.mac_address, device, rates.parse_rates(options))
        changed = msgspec.structs.replace(endpoint, driver_opts=dict(options))
        sandbox = replace(sandbox, endpoints={**sandbox.endpoints, network: changed})
        self._joined[container_id] = Joined(joined.name, sandbox)
        return sandbox

    async def _changed(self, container_id: str, after: Joined) -> Sandbox:
        await self._names.change(self._joined[container_id].sandbox, after.sandbox)
        self._joined[container_id] = after
        await self._overlay.announce(after.name, after.sandbox)
        return after.sandbox

    def rename(self, container_id: str, name: str, endpoints: Mapping[str, EndpointSettings]) -> None:
        """The container's new names are known at once."""
        if joined := self._joined.get(container_id):
            sandbox = replace(joined.sandbox, endpoints=dict(endpoints))
            self._names.rename(sandbox)
            self._joined[container_id] = Joined(name, sandbox)
            self._supervisor.spawn(self._overlay.announce(name, sandbox), f"new name of {container_id[:12]}")

    def ask_others(self, container_id: str, servers: Sequence[ExternalServer]) -> None:
        """Whom DNS asks for the container from now on."""
        joined = self._joined.get(container_id)
        if joined and tuple(joined.sandbox.servers) != tuple(servers):
            sandbox = replace(joined.sandbox, servers=tuple(servers))
            self._names.look_again(sandbox)
            self._joined[container_id] = Joined(joined.name, sandbox)

    def _networks_of(self, joined: Joined) -> list[Network]:
        return [self._catalog.find(e.network_id) for e in joined.sandbox.endpoints.values()]
