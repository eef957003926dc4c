"""The overlay driver: networks that all engines of a cluster have, kept in its store.

The networks are made and removed in the store; each engine hears of it and has them in its catalogue, and in its own
`networks.db`, so that an engine that starts while the store is away still knows what its containers are on.
"""

import asyncio
import logging
from contextlib import AsyncExitStack

from seaway.base.errors import EngineError
from seaway.base.supervisor import Supervisor
from seaway.discovery.cluster import Cluster
from seaway.kernel.worker import run_blocking
from seaway.model.network import EndpointSettings, NetworkContainer, NetworkCreate
from seaway.networks.catalog import NetworkCatalog
from seaway.networks.endpoint import wished_address
from seaway.networks.firewall.elements import bridge_elements
from seaway.networks.ipam import Address
from seaway.networks.naming import Names
from seaway.networks.network import Network
from seaway.networks.overlay import devices
from seaway.networks.overlay.directory import Directory
from seaway.networks.overlay.endpoints import OverlayEndpoints
from seaway.networks.overlay.making import ClusterNetworks
from seaway.networks.overlay.records import EndpointInCluster, endpoint_key
from seaway.networks.sandbox import Sandbox
from seaway.networks.store import NetworkStore
from seaway.networks.table import Firewall
from seaway.networks.usernet import NetworkDefaults

log = logging.getLogger(__name__)


class Overlay:
    def __init__(
        self, cluster: Cluster, catalog: NetworkCatalog, names: Names, firewall: Firewall, store: NetworkStore | None
    ) -> None:
        self._cluster, self._catalog, self._names = cluster, catalog, names
        self._firewall, self._store = firewall, store
        self._directory = Directory()
        self.endpoints = OverlayEndpoints(cluster, self._directory)
        self._making = ClusterNetworks(cluster)
        self._dirty: set[str] = set()
        self._behind: list[tuple[Network, bool]] = []
        """Networks that came (True) or went, of which the disk and the firewall do not know yet."""
        self._news = asyncio.Event()
        cluster.listen(self)

    async def start(self, supervisor: Supervisor) -> None:
        """The devices of networks that no container is on any more go."""
        self._forget_gone()
        for network in self._global():
            if network.overlay and network.id not in self.endpoints.networks:
                await devices.remove(network.overlay)
        supervisor.spawn(self._follow(), "overlay networks", service=True)
        supervisor.spawn(self._heal(), "overlay devices", service=True)

    def placed(self, advertise: str) -> None:
        self.endpoints.move(advertise)
        self._dirty |= self.endpoints.networks
        self._cluster.holdings.adopt(self.endpoints.held)

    def changed(self, keys: frozenset[str]) -> None:
        changes = self._directory.update(self._cluster.entries, keys)
        known = {n.id for n in self._global()}
        for network in changes.made:
            if network.id not in known:
                self._catalog.add(network)
                self._behind.append((network, True))
        self._forget_gone()
        for (network_id, address), endpoint in changes.told.items():
            self._tell(network_id, address, endpoint)
        self._dirty |= changes.endpoints | set(changes.gone)
        self._news.set()

    def _forget_gone(self) -> None:
        """A network that the store has no more goes, but for one that containers are on. Before the store was read,
        nothing is known of that."""
        if self._cluster.advertise and not self._cluster.was_connected:
            return
        for network in self._global():
            if network.id not in self._directory.networks and network.id not in self.endpoints.networks:
                self._forget(network)

    def _forget(self, network: Network) -> None:
        self._catalog.remove(network.id)
        self._behind.append((network, False))
        self._news.set()

    def remote_containers(self, network: Network) -> dict[str, NetworkContainer]:
        """As `inspect` shows those of other engines: by endpoint."""
        return {
            f"ep-{one.endpoint_id}": NetworkContainer(
                name=one.name,
                endpoint_id=one.endpoint_id,
                mac_address=one.mac,
                ipv4_address=f"{address}/{one.prefix_length}",
            )
            for address, one in self._directory.endpoints(network.id).items()
            if one.engine != self._cluster.engine_id and one.mac
        }

    async def create(self, request: NetworkCreate, defaults: NetworkDefaults) -> Network:
        return await self._making.create(request, self._catalog.all(), defaults)

    async def remove(self, network: Network) -> None:
        """Raises Forbidden, StoreUnreachable. One of a cluster that this engine has left is just forgotten."""
        if self._cluster.advertise:
            await self._making.remove(network, self._directory.endpoints(network.id).values())
        else:
            self._forget(network)

    async def claim(self, network: Network, container_id: str, wish: EndpointSettings, undo: AsyncExitStack) -> Address:
        """An address of the cluster's, which `undo` gives back. Its last owner on this engine has left before."""
        if wished := wished_address(wish):
            await self._catalog.wait_vacant([str(wished)])
        try:
            address = await self.endpoints.claim(network, container_id, wish)
        except EngineError:
            self._forget_gone()
            raise
        undo.push_async_callback(self.release, network, str(address))
        return address

    async def announce(self, name: str, sandbox: Sandbox) -> None:
        """The container is there, or is called otherwise now."""
        for network, endpoint in self._endpoints_of(sandbox):
            await self.endpoints.announce(network, endpoint, name)

    async def leave(self, sandbox: Sandbox) -> None:
        for network, endpoint in self._endpoints_of(sandbox):
            await self.release(network, endpoint.ip_address)

    async def release(self, network: Network, address: str) -> None:
        await self.endpoints.release(network, address)
        self._forget_gone()

    def _endpoints_of(self, sandbox: Sandbox) -> list[tuple[Network, EndpointSettings]]:
        known = {n.id: n for n in self._global()}
        return [(network, e) for e in sandbox.endpoints.values() if (network := known.get(e.network_id))]

    async def _follow(self) -> None:
        """What takes its time, behind the model: the record on disk, the firewall, the devices."""
        while True:
            await self._news.wait()
            self._news.clear()
            dirty, self._dirty = self._dirty, set()
            try:
                await self._catch_up()
                for network in [n for n in self._global() if n.id in dirty & self.endpoints.networks]:
                    if network.id not in self._directory.networks:
                        await self._making.make_again(network)
                    await self.endpoints.sync(network)
            except (EngineError, OSError) as failed:
                log.error("overlay networks: %s", failed)

    async def _heal(self) -> None:
        """Devices that somebody removes are made again."""
        await self.endpoints.in_use.wait()
        with devices.watch() as watch:
            while True:
                await watch.wait_deleted()
                self._dirty |= self.endpoints.networks
                self._news.set()

    async def _catch_up(self) -> None:
        while self._behind:
            network, came = self._behind.pop(0)
            if self._store:
                await (run_blocking(self._store.put, network) if came else run_blocking(self._store.delete, network.id))
            bridge = network.in_firewall()
            elements = bridge_elements([bridge] if bridge else [])
            await self._firewall.change(add=elements if came else (), delete=() if came else elements)

    def _tell(self, network_id: str, address: str, endpoint: EndpointInCluster | None) -> None:
        """DNS, of the containers of other engines."""
        key, network = endpoint_key(network_id, address), self._directory.networks.get(network_id)
        if endpoint and endpoint.engine == self._cluster.engine_id:
            return
        if endpoint and endpoint.mac and network:
            self._names.tell(key, network, address, endpoint.names)
        else:
            self._names.forget(key)

    def _global(self) -> list[Network]:
        return [n for n in self._catalog.all() if n.overlay]
