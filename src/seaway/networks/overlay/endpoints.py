"""The endpoints that this engine's containers have on the cluster's networks: addresses, devices, who hears of them."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.base.failpoints import failpoint
from seaway.base.locks import KeyedLocks
from seaway.discovery.cluster import Cluster
from seaway.discovery.messages import Present
from seaway.kernel.vxlan import Behind
from seaway.model.network import EndpointSettings
from seaway.networks.endpoint import wished_address
from seaway.networks.ipam import Address, AddressInUse
from seaway.networks.network import Network, NoSuchNetwork
from seaway.networks.overlay import devices
from seaway.networks.overlay.directory import Directory
from seaway.networks.overlay.plan import plan_table
from seaway.networks.overlay.records import (
    EndpointInCluster,
    endpoint_key,
    endpoint_record,
    network_key,
    to_text,
)
from seaway.networks.plan import host_link


class OverlayEndpoints:
    """What is on the host follows `directory`, the cluster's view; one change at a time per network."""

    def __init__(self, cluster: Cluster, directory: Directory) -> None:
        self._cluster, self._directory = cluster, directory
        self._mine: dict[str, dict[str, EndpointInCluster]] = {}
        """By network ID and address."""
        self._tables: dict[str, tuple[str, frozenset[Behind]]] = {}
        """By network ID, what its VXLAN device has been told: its own host, and who is behind which other."""
        self._locks = KeyedLocks()
        self.in_use = asyncio.Event()
        """A container has been on any of them."""

    @property
    def networks(self) -> frozenset[str]:
        """The IDs of those that a container here is on, or is about to be."""
        return frozenset(self._mine)

    @property
    def held(self) -> Mapping[str, str]:
        return {endpoint_key(n, a): to_text(e) for n, mine in self._mine.items() for a, e in mine.items()}

    def move(self, advertise: str) -> None:
        """This engine's own address has become another one."""
        host = vtep(advertise)
        for mine in self._mine.values():
            mine.update({a: msgspec.structs.replace(e, host=host) for a, e in mine.items()})

    def adopt(self, network: Network, container_id: str, name: str, endpoint: EndpointSettings) -> None:
        """Of a container that an earlier engine started."""
        record = endpoint_record(self._claim(container_id), endpoint, name)
        self._add(network.id, endpoint.ip_address, record)

    async def claim(self, network: Network, container_id: str, wish: EndpointSettings) -> Address:
        """An address that no engine has, and the network's devices on this host. Raises StoreUnreachable,
        NoSuchNetwork, PoolExhausted, AddressInUse."""
        await self._cluster.ready()
        if ":" in vtep(self._cluster.advertise):
            raise InvalidParameter("the overlay driver needs an IPv4 address as --cluster-advertise")
        wished, claim = wished_address(wish), self._claim(container_id)
        for address in self._candidates(network, wished):
            self._add(network.id, str(address), claim)
            if await self._holds(network, address, claim):
                break
        failpoint("overlay: address claimed")
        try:
            await self.sync(network)
        except BaseException:
            await self.release(network, str(address))
            raise
        return address

    async def announce(self, network: Network, endpoint: EndpointSettings, name: str) -> None:
        """The container is there, or is called otherwise now: the others may find it."""
        claim = self._mine.get(network.id, {}).get(endpoint.ip_address)
        if claim is None:
            return
        record = endpoint_record(claim, endpoint, name)
        self._mine[network.id][endpoint.ip_address] = record
        await self._cluster.holdings.renew({endpoint_key(network.id, endpoint.ip_address): to_text(record)})

    async def release(self, network: Network, address: str) -> None:
        """The last one takes the network's devices along."""
        self._drop(network.id, address)
        await self._cluster.holdings.release([endpoint_key(network.id, address)])
        async with self._locks.hold(network.id):
            if network.id not in self._mine and network.overlay:
                self._tables.pop(network.id, None)
                await devices.remove(network.overlay)

    async def sync(self, network: Network) -> None:
        """Bring this host's devices to what the cluster knows; there are some while a container is on the network."""
        async with self._locks.hold(network.id):
            if network.id not in self._mine or not network.overlay or not self._cluster.advertise:
                return
            own_host = vtep(self._cluster.advertise)
            known = self._cluster.was_connected
            table = plan_table(self._directory.endpoints(network.id).values(), own_host) if known else None
            if (own_host, table) != self._tables.get(network.id) or not devices.is_built(network.overlay):
                ports = [host_link(e.endpoint_id) for e in self._mine[network.id].values() if e.endpoint_id]
                await devices.build(network.overlay, own_host, table, ports)
            if table is not None:
                self._tables[network.id] = own_host, table

    async def _holds(self, network: Network, address: Address, claim: EndpointInCluster) -> bool:
        """False: another engine was quicker."""
        held = False
        there = Present(self._cluster.path(network_key(network.id)))
        try:
            held = await self._cluster.holdings.hold({endpoint_key(network.id, address): to_text(claim)}, [there])
            if not held and not await self._cluster.commit([there], []):
                raise NoSuchNetwork(network.name)
        finally:
            if not held:
                self._drop(network.id, str(address))
        return held

    def _candidates(self, network: Network, wish: Address | None) -> Iterator[Address]:
        """The lowest free ones, as this engine sees it, or the wish once. Ends by the pool's own refusal."""
        tried: frozenset[Address] = frozenset()
        assert network.pool
        while True:
            others = self._directory.addresses(network.id) | tried
            mine = {ip_address(a) for a in self._mine.get(network.id, ())}
            _, address = replace(network.pool, taken=network.pool.taken | others | mine).allocate(wish)
            yield address
            if wish:
                raise AddressInUse("Address already in use")
            tried |= {address}

    def _add(self, network_id: str, address: str, endpoint: EndpointInCluster) -> None:
        self._mine.setdefault(network_id, {})[address] = endpoint
        self.in_use.set()

    def _drop(self, network_id: str, address: str) -> None:
        mine = self._mine.get(network_id, {})
        mine.pop(address, None)
        if not mine:
            self._mine.pop(network_id, None)

    def _claim(self, container_id: str) -> EndpointInCluster:
        return EndpointInCluster(self._cluster.engine_id, vtep(self._cluster.advertise), container=container_id)


def vtep(advertise: str) -> str:
    """The host of "IP:port"."""
    return advertise.rpartition(":")[0].strip("[]")
