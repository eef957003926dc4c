"""The networks there are, and the addresses they have left."""

import asyncio
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

from seaway.model.network import EndpointSettings
from seaway.networks.firewall.elements import Bridge
from seaway.networks.ipam import Address, Pool, PoolExhausted
from seaway.networks.network import Network, find_network

IPV4 = 4


class NetworkCatalog:
    """Changes are replacements of values on the event loop; reads take no lock."""

    def __init__(self, networks: list[Network]) -> None:
        self._networks = {n.id: n for n in networks}
        self._vacated: dict[str, asyncio.Task[None]] = {}

    def all(self) -> list[Network]:
        return list(self._networks.values())

    @property
    def has_default_bridge(self) -> bool:
        return any(n.name == "bridge" for n in self._networks.values())

    def get(self, network_id: str) -> Network | None:
        return self._networks.get(network_id)

    def find(self, name: str) -> Network:
        """By name, ID or its beginning; "default": the bridge, if any. Raises NoSuchNetwork, AmbiguousNetwork."""
        if name in ("", "default"):
            name = "bridge" if self.has_default_bridge else "none"
        return find_network(self.all(), name)

    def bridges(self) -> list[Bridge]:
        return [bridge for n in self.all() if (bridge := n.in_firewall())]

    def is_trusting(self, address: str) -> bool:
        """Whether it is of a network that trusts devices of the host's."""
        pools = [p for n in self._networks.values() if n.bridge and n.bridge.trusted for p in (n.pool, n.pool6) if p]
        return bool(pools) and any(ip_address(address) in pool.subnet for pool in pools)

    def add(self, network: Network) -> None:
        self._networks[network.id] = network

    def remove(self, network_id: str) -> None:
        self._networks.pop(network_id, None)

    def take_address(self, network_id: str, wish: Address | None = None, version: int = 4) -> Address:
        """Raises PoolExhausted, AddressInUse."""
        network = self._networks[network_id]
        pool = network.pool if version == IPV4 else network.pool6
        assert pool
        try:
            pool, address = pool.allocate(wish)
        except PoolExhausted as exhausted:
            raise PoolExhausted(f"{exhausted}: {network.name} ({network.id})") from exhausted
        self._networks[network_id] = _with_pool(network, pool)
        return address

    def release_address(self, network_id: str, address: Address) -> None:
        network = self._networks.get(network_id)
        pool = network and (network.pool if address.version == IPV4 else network.pool6)
        if network and pool:
            self._networks[network_id] = _with_pool(network, pool.release(address))

    def release(self, endpoint: EndpointSettings) -> None:
        for address in (endpoint.ip_address, endpoint.global_ipv6_address):
            if address:
                self.release_address(endpoint.network_id, ip_address(address))

    def vacate(self, endpoint: EndpointSettings, teardown: "asyncio.Task[None]") -> None:
        """Free the endpoint's address now; its last owner answers for it until `teardown` ends."""
        self.release(endpoint)
        for address in filter(None, (endpoint.ip_address, endpoint.global_ipv6_address)):
            self._vacated[address] = teardown
            teardown.add_done_callback(partial(forget, self._vacated, address))

    async def wait_vacant(self, addresses: list[str]) -> None:
        if former := [task for address in addresses if (task := self._vacated.get(address))]:
            await asyncio.wait(former)


def forget(tasks: dict[str, "asyncio.Task[None]"], key: str, done: "asyncio.Task[None]") -> None:
    """Drop a finished task, unless another one has taken its place."""
    if tasks.get(key) is done:
        del tasks[key]


def _with_pool(network: Network, pool: Pool) -> Network:
    return replace(network, pool=pool) if pool.subnet.version == IPV4 else replace(network, pool6=pool)
