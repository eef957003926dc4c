"""Networks of the cluster's are made and removed in its store, in one transaction each."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace

from seaway.base import clock
from seaway.base.errors import Conflict, Forbidden, InvalidParameter
from seaway.base.failpoints import failpoint
from seaway.base.ids import new_id
from seaway.discovery.cluster import Cluster
from seaway.discovery.messages import Absent, Change, Compare, Delete, Put, UnchangedSince
from seaway.model.network import NetworkCreate
from seaway.networks.hostroutes import host_routes
from seaway.networks.network import Network
from seaway.networks.overlay.directory import parse_network
from seaway.networks.overlay.plan import POOLS, VNI_OPTION, plan_vni
from seaway.networks.overlay.records import NETWORKS, EndpointInCluster, endpoint_key, name_key, network_key, to_text
from seaway.networks.rows import to_row
from seaway.networks.usernet import NetworkDefaults, plan_user_network
from seaway.networks.validate import check_scope

log = logging.getLogger(__name__)


class ClusterNetworks:
    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def create(self, request: NetworkCreate, here: Sequence[Network], defaults: NetworkDefaults) -> Network:
        """`here` are the networks of this engine. Raises as the planning does, and
        StoreUnreachable. Another engine's change in between starts it anew."""
        if request.enable_ipv6:
            raise InvalidParameter("the overlay driver does not support IPv6 networks on this engine")
        routes, defaults = await host_routes(), replace(defaults, pools=POOLS, has_cluster=True)
        while True:
            entries, revision = await self._cluster.read(NETWORKS)
            others = [parse_network(text) for text in entries.values()]
            known = {n.id for n in others}
            existing = [*others, *(n for n in here if n.id not in known)]
            plan = plan_user_network(request, new_id(), clock.now(), existing, routes, defaults)
            check_scope(request.scope, in_cluster=True)
            network = _with_vni(plan, others)
            fresh: list[Compare] = [UnchangedSince(self._cluster.path(NETWORKS), revision), *self._absent(network)]
            if await self._cluster.commit(fresh, self._puts(network)):
                failpoint("overlay: network made")
                await self._cluster.heard(network_key(network.id), present=True)
                return network
            if not await self._cluster.commit([Absent(self._cluster.path(name_key(request.name)))], []):
                raise Conflict(f"network with name {request.name} already exists")

    async def remove(self, network: Network, active: Iterable[EndpointInCluster]) -> None:
        """Raises Forbidden while a container of any engine is on it."""
        path = self._cluster.path
        nobody: list[Compare] = [Absent(path(endpoint_key(network.id, "")), prefix=True)]
        gone: list[Change] = [Delete(path(network_key(network.id))), Delete(path(name_key(network.name)))]
        if not await self._cluster.commit(nobody, gone):
            shown = ", ".join(f'name:"{e.name}" id:"{e.endpoint_id[:12]}"' for e in active)
            raise Forbidden(f"error while removing network: network {network.name} has active endpoints ({shown})")
        await self._cluster.heard(network_key(network.id), present=False)

    async def make_again(self, network: Network) -> None:
        """The store has lost a network, but containers are on it."""
        if self._cluster.was_connected and await self._cluster.commit(self._absent(network), self._puts(network)):
            log.warning("network %s was missing in the cluster store and is there again", network.name)

    def _absent(self, network: Network) -> list[Compare]:
        return [Absent(self._cluster.path(key)) for key in (network_key(network.id), name_key(network.name))]

    def _puts(self, network: Network) -> list[Change]:
        path = self._cluster.path
        return [
            Put(path(network_key(network.id)), to_text(to_row(network))),
            Put(path(name_key(network.name)), network.id),
        ]


def _with_vni(network: Network, others: Sequence[Network]) -> Network:
    """The record says the number that was chosen, as swarm's networks do."""
    assert network.overlay
    vni = plan_vni(network.overlay.vni, [n.overlay.vni for n in others if n.overlay])
    options = {**network.options, VNI_OPTION: str(vni)}
    return replace(network, options=options, overlay=replace(network.overlay, vni=vni))
