"""Which address is whose. A pool is a value; it hands out the lowest free address, as dockerd's bitmap does."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network

from seaway.base.errors import Forbidden, InvalidParameter, Unavailable


class AddressInUse(Forbidden):
    pass


class PoolExhausted(Unavailable):
    pass


@dataclass(frozen=True, slots=True)
class Pool:
    """`first` and `last` bound what is handed out unasked (the IP range); a wish may lie anywhere in `subnet`."""

    subnet: IPv4Network
    gateway: IPv4Address
    first: IPv4Address
    last: IPv4Address
    taken: frozenset[IPv4Address]

    def allocate(self, wish: IPv4Address | None = None) -> tuple["Pool", IPv4Address]:
        address = self._lowest_free() if wish is None else self._wished(wish)
        return replace(self, taken=self.taken | {address}), address

    def release(self, address: IPv4Address) -> "Pool":
        """The gateway and the network's own addresses are never given back."""
        if address in self._fixed():
            return self
        return replace(self, taken=self.taken - {address})

    def _wished(self, wish: IPv4Address) -> IPv4Address:
        if wish not in self.subnet:
            raise InvalidParameter("no configured subnet contains IP address " + str(wish))
        if wish in self.taken:
            raise AddressInUse("Address already in use")
        return wish

    def _lowest_free(self) -> IPv4Address:
        for number in range(int(self.first), int(self.last) + 1):
            if (address := IPv4Address(number)) not in self.taken:
                return address
        raise PoolExhausted("no available IPv4 addresses on this network's address pools")

    def _fixed(self) -> frozenset[IPv4Address]:
        return frozenset({self.gateway, self.subnet.network_address, self.subnet.broadcast_address})


def parse_pool(subnet: str, gateway: str = "", ip_range: str = "", reserved: Iterable[str] = ()) -> Pool:
    """The gateway is the subnet's first address unless given. Raises InvalidParameter."""
    network = _parse_network(subnet)
    host = _parse_address(gateway) if gateway else network.network_address + 1
    if host not in network:
        raise InvalidParameter(f"no matching subnet for gateway {host}")
    within = _parse_network(ip_range) if ip_range else network
    if not within.subnet_of(network):
        raise InvalidParameter(f"no matching subnet for range {ip_range}")
    fixed = {host, network.network_address, network.broadcast_address}
    taken = frozenset(fixed | {_parse_address(r) for r in reserved})
    return Pool(network, host, within.network_address, within.broadcast_address, taken)


def mac_of(address: IPv4Address) -> str:
    """dockerd's rule for the default bridge: 02:42, then the address."""
    return "02:42:" + ":".join(f"{byte:02x}" for byte in address.packed)


def _parse_network(text: str) -> IPv4Network:
    try:
        return IPv4Network(text, strict=False)
    except ValueError as invalid:
        raise InvalidParameter(f"invalid subnet {text}: invalid CIDR address") from invalid


def _parse_address(text: str) -> IPv4Address:
    try:
        return IPv4Address(text)
    except ValueError as invalid:
        raise InvalidParameter(f"invalid IPv4 address: {text}") from invalid
