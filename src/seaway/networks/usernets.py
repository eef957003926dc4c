"""Makes and removes the user's networks: the catalogue, the host's bridge, the firewall and the record on disk.

The record is made first and removed last: what a killed engine left on the host belongs to a network that the next
one knows.
"""

from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import replace

from seaway.base import clock
from seaway.base.failpoints import failpoint
from seaway.base.ids import new_id
from seaway.kernel.worker import run_blocking
from seaway.model.network import NetworkCreate
from seaway.networks import links, parents
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.firewall.elements import Element, bridge_elements
from seaway.networks.foreign import Foreign, is_foreign_ipam
from seaway.networks.hostroutes import host_routes
from seaway.networks.network import Network, ParentSettings
from seaway.networks.plan import plan_bridge
from seaway.networks.pools import needs_free_subnet
from seaway.networks.store import NetworkStore
from seaway.networks.table import Firewall
from seaway.networks.usernet import NetworkDefaults, plan_user_network
from seaway.networks.validate import check_scope, validate_request


class UserNetworks:
    def __init__(
        self,
        catalog: NetworkCatalog,
        firewall: Firewall,
        store: NetworkStore | None,
        defaults: NetworkDefaults,
        foreign: Foreign,
    ) -> None:
        self._foreign = foreign
        self._catalog, self._firewall, self._store, self._defaults = catalog, firewall, store, defaults

    async def create(self, request: NetworkCreate) -> Network:
        routes = await host_routes() if needs_free_subnet(request) else []
        existing = self._catalog.all()
        async with AsyncExitStack() as undo:
            pool_id = pool_id6 = ""
            if is_foreign_ipam(request):
                validate_request(request, existing)
                request, pool_id, pool_id6 = await self._foreign.lease(request, undo)
            network = plan_user_network(request, new_id(), clock.now(), existing, routes, self._defaults)
            is_there = _is_there_before(network, existing)
            network = replace(network, keeps_bridge=is_there, pool_id=pool_id, pool_id6=pool_id6)
            if network.is_foreign:
                await self._foreign.check(network)
            check_scope(request.scope)
            self._catalog.add(network)
            undo.callback(self._catalog.remove, network.id)
            if self._store:
                undo.push_async_callback(run_blocking, self._store.delete, network.id)
                await run_blocking(self._store.put, network)
                failpoint("network: recorded")
            if network.parent:
                await self._make_parent(network.parent, undo, is_ours=not network.keeps_bridge)
            if network.is_foreign:
                undo.push_async_callback(self._foreign.delete, network)
                await self._foreign.create(network)
            if network.bridge and network.has_addresses:
                if not network.keeps_bridge:
                    undo.push_async_callback(links.delete_link, network.bridge.name)
                plan = plan_bridge(network.bridge, network.pool, network.pool6, proxied=self._firewall.proxied)
                await links.build_bridge(plan)
                failpoint("network: bridge made")
                undo.push_async_callback(self._firewall.withdraw, _elements(network))
                await self._firewall.change(add=_elements(network))
            undo.pop_all()
        return network

    async def _make_parent(self, parent: ParentSettings, undo: AsyncExitStack, *, is_ours: bool) -> None:
        if is_ours:
            undo.push_async_callback(links.delete_link, parent.device)
        await parents.make_parent(parent)
        failpoint("network: parent made")

    async def remove(self, network: Network) -> None:
        """One that is removable (`check_removable`)."""
        self._catalog.remove(network.id)
        await self._firewall.withdraw(_elements(network))
        failpoint("network: firewall gone")
        if network.bridge and not network.keeps_bridge:
            await links.delete_link(network.bridge.name)
        if network.parent and not network.keeps_bridge and not _sharing(network.parent, self._catalog.all()):
            await links.delete_link(network.parent.device)
        if network.is_foreign:
            await self._foreign.delete(network)
        await self._foreign.release_pools(network)
        failpoint("network: bridge gone")
        if self._store:
            await run_blocking(self._store.delete, network.id)


def _is_there_before(network: Network, existing: Sequence[Network]) -> bool:
    """A VLAN that another network brought is not the user's."""
    if network.bridge:
        return links.has_link(network.bridge.name)
    if network.parent is None:
        return False
    sharing = _sharing(network.parent, existing)
    return sharing[0].keeps_bridge if sharing else links.has_link(network.parent.device)


def _sharing(parent: ParentSettings, networks: Sequence[Network]) -> list[Network]:
    return [n for n in networks if n.parent and n.parent.device == parent.device]


def _elements(network: Network) -> list[Element]:
    bridge = network.in_firewall()
    return bridge_elements([bridge] if bridge else [])
