"""Which address is whose. A pool is a value; it hands out the lowest free address, as dockerd's bitmap does."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from seaway.base.errors import Forbidden, InvalidParameter, Unavailable

Address: TypeAlias = IPv4Address | IPv6Address
Subnet: TypeAlias = IPv4Network | IPv6Network


class AddressInUse(Forbidden):
    pass


class PoolExhausted(Unavailable):
    pass


@dataclass(frozen=True, slots=True)
class Pool:
    """`first` and `last` bound what is handed out unasked (the IP range); a wish may lie anywhere in `subnet`.

    All between `first` and the address with the number `floor` is taken: who has a thousand does not count them."""

    subnet: Subnet
    gateway: Address
    first: Address
    last: Address
    taken: frozenset[Address]
    floor: int = field(default=0, compare=False)

    def allocate(self, wish: Address | None = None) -> tuple["Pool", Address]:
        if wish is None:
            address = self._lowest_free()
            return replace(self, taken=self.taken | {address}, floor=int(address) + 1), address
        return replace(self, taken=self.taken | {self._wished(wish)}), wish

    def release(self, address: Address) -> "Pool":
        """The gateway and the network's own addresses are never given back."""
        if address in self._fixed():
            return self
        return replace(self, taken=self.taken - {address}, floor=min(self.floor, int(address)))

    def _wished(self, wish: Address) -> Address:
        if wish not in self.subnet:
            raise InvalidParameter("no configured subnet contains IP address " + str(wish))
        if wish in self.taken:
            raise AddressInUse("Address already in use")
        return wish

    def _lowest_free(self) -> Address:
        for number in range(max(int(self.first), self.floor), int(self.last) + 1):
            if (address := _address(number, self.subnet.version)) not in self.taken:
                return address
        raise PoolExhausted(f"no available IPv{self.subnet.version} addresses on this network's address pools")

    def _fixed(self) -> frozenset[Address]:
        return reserved_addresses(self.subnet) | {self.gateway}


def parse_pool(subnet: str, gateway: str = "", ip_range: str = "", reserved: Iterable[str] = ()) -> Pool:
    """The gateway is the subnet's first address unless given. Raises InvalidParameter."""
    network = _parse_network(subnet)
    reserved_here = reserved_addresses(network)
    host = _parse_address(gateway) if gateway else network.network_address + (1 if reserved_here else 0)
    if host not in network:
        raise InvalidParameter(f"no matching subnet for gateway {host}")
    within = _parse_network(ip_range) if ip_range else network
    if within.version != network.version or not within.subnet_of(network):  # type: ignore[arg-type]
        raise InvalidParameter(f"no matching subnet for range {ip_range}")
    taken = reserved_here | {host, *map(_parse_address, reserved)}
    return Pool(network, host, within.network_address, within.broadcast_address, taken)


def reserved_addresses(subnet: Subnet) -> frozenset[Address]:
    """The subnet's own: its first address, and of IPv4 its last. One of two addresses (RFC 3021), or of one, has none
    to spare."""
    if subnet.version == 4 and subnet.num_addresses <= 2:
        return frozenset()
    ends = {subnet.network_address, *([subnet.broadcast_address] if subnet.version == 4 else [])}
    return frozenset(ends)


def broadcast_of(subnet: Subnet) -> str:
    """ "": a subnet of two addresses has none, and IPv6 knows none."""
    return str(subnet.broadcast_address) if subnet.version == 4 and reserved_addresses(subnet) else ""


def canonical_mac(text: str) -> str:
    """`02-42-AC-11-00-02` is `02:42:ac:11:00:02`."""
    return text.replace("-", ":").lower()


def mac_of(address: Address) -> str:
    """dockerd's rule for the default bridge: 02:42, then the (IPv4) address."""
    return "02:42:" + ":".join(f"{byte:02x}" for byte in address.packed[-4:])


def random_mac() -> str:
    """Of a device without an address: locally administered."""
    return "02:" + ":".join(f"{byte:02x}" for byte in os.urandom(5))


def _parse_network(text: str) -> Subnet:
    try:
        return ip_network(text, strict=False)
    except ValueError as invalid:
        raise InvalidParameter(f"invalid subnet {text}: invalid CIDR address") from invalid


def _parse_address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError as invalid:
        raise InvalidParameter(f"invalid IP address: {text}") from invalid


def _address(number: int, version: int) -> Address:
    return IPv4Address(number) if version == 4 else IPv6Address(number)
