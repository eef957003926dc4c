"""docker_gwbridge: the way out, and the way in to published ports, of containers whose networks have none (overlay).

It is a bridge network like a user's, made when it is first needed. A container's endpoint on it belongs to its sandbox
and is not among the container's networks, as in dockerd.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace

from seaway.model.network import EndpointSettings, NetworkCreate
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.hotplug import Hotplug
from seaway.networks.joined import Joined
from seaway.networks.network import BRIDGE_OPTION, Network
from seaway.networks.sandbox import GWBRIDGE, Sandbox
from seaway.networks.usernets import UserNetworks
from seaway.networks.wayout import choose_ways_out

REQUEST = NetworkCreate(
    name=GWBRIDGE,
    driver="bridge",
    options={
        BRIDGE_OPTION + "enable_icc": "false",
        BRIDGE_OPTION + "enable_ip_masquerade": "true",
        BRIDGE_OPTION + "name": GWBRIDGE,
    },
)


def needs_gateway(networks: Iterable[Network]) -> bool:
    on = list(networks)
    ways_out = choose_ways_out((n, EndpointSettings()) for n in on)
    return 4 not in ways_out and any(n.overlay and not n.internal for n in on)


class Gateways:
    def __init__(self, catalog: NetworkCatalog, user_networks: UserNetworks, hotplug: Hotplug) -> None:
        self._catalog, self._user_networks, self._hotplug = catalog, user_networks, hotplug
        self._making = asyncio.Lock()

    async def network(self) -> Network:
        """The first one of the name; it is made where there is none."""
        async with self._making:
            found = next((n for n in self._catalog.all() if n.name == GWBRIDGE), None)
            return found or await self._user_networks.create(REQUEST)

    async def settle(self, joined: Joined, networks: Iterable[Network]) -> Joined:
        """Add the endpoint where a container on these networks needs it, or remove it where it does not."""
        sandbox, needs = joined.sandbox, needs_gateway(networks)
        if needs is (sandbox.gateway is not None) or sandbox.netns_path is None:
            return joined
        network = await self.network()
        if needs:
            after = await self._hotplug.attach(joined, network, EndpointSettings())
            others = {n: e for n, e in after.endpoints.items() if n != GWBRIDGE}
            return replace(joined, sandbox=replace(after, endpoints=others, gateway=after.endpoints[GWBRIDGE]))
        return replace(joined, sandbox=await self._hotplug.detach(_as_any(joined), network))


def _as_any(joined: Joined) -> Joined:
    """With the gateway as one of the container's endpoints."""
    sandbox: Sandbox = joined.sandbox
    return replace(joined, sandbox=replace(sandbox, endpoints=sandbox.attachments, gateway=None))
