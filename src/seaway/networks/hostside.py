"""What the host has of the networks: bridges and parents, which come back when somebody removed them."""

import logging
from collections.abc import Mapping

from seaway.base.errors import EngineError, with_prefix
from seaway.networks import links
from seaway.networks.joined import Joined
from seaway.networks.network import PREDEFINED, Network
from seaway.networks.parents import make_parent
from seaway.networks.plan import host_link, plan_bridge

log = logging.getLogger(__name__)


class HostSide:
    """`joined` has the running containers by ID. Without `proxied` the host's loopback is routed to bridges."""

    def __init__(self, joined: Mapping[str, Joined], *, proxied: bool) -> None:
        self._joined, self._proxied = joined, proxied

    async def mend(self, network: Network) -> None:
        """Somebody may have removed the bridge, or the parent: it comes back, with those who are on it."""
        device = network.bridge.name if network.bridge else network.parent.device if network.parent else ""
        if not device or links.has_link(device):
            return
        log.warning("network %s: somebody removed %s: making it again", network.name, device)
        await self.build(network)
        if network.bridge:
            on = [e for one in self._joined.values() if (e := one.sandbox.attachments.get(network.name))]
            await links.rejoin(device, [host_link(e.endpoint_id) for e in on])

    async def build(self, network: Network) -> None:
        """A user's network that cannot be made again is no reason to have no engine."""
        try:
            if network.parent:
                await make_parent(network.parent)
            if not network.bridge or not network.has_addresses:
                return
            await links.build_bridge(plan_bridge(network.bridge, network.pool, network.pool6, proxied=self._proxied))
        except EngineError as failed:
            if network.name in PREDEFINED:
                raise with_prefix(f'Error creating default "{network.name}" network: ', failed) from failed
            log.error("network %s: %s", network.name, failed)
