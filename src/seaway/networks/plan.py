"""What to build for a network and for a container's place in it. Values only; `links` carries them out."""

from dataclasses import dataclass
from ipaddress import IPv4Address

from seaway.networks.ipam import Pool, mac_of
from seaway.networks.network import BridgeSettings

HOST_LINK_PREFIX = "veth"


@dataclass(frozen=True, slots=True)
class BridgePlan:
    name: str
    mac: str
    address: str
    prefix_length: int
    broadcast: str
    mtu: int
    route_localnet: bool = False


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """A pair of devices: `host_link` is a port of `bridge`, `link` is the container's. `is_way_out`: the container's
    default route goes by `gateway`."""

    bridge: str
    host_link: str
    link: str
    mac: str
    address: str
    prefix_length: int
    broadcast: str
    gateway: str
    mtu: int
    is_way_out: bool = True
    hairpin: bool = False


def plan_bridge(settings: BridgeSettings, pool: Pool, *, proxied: bool = True) -> BridgePlan:
    return BridgePlan(
        name=settings.name,
        mac=mac_of(pool.gateway),
        address=str(pool.gateway),
        prefix_length=pool.subnet.prefixlen,
        broadcast=str(pool.subnet.broadcast_address),
        mtu=settings.mtu,
        route_localnet=not proxied,
    )


def plan_endpoint(
    settings: BridgeSettings,
    pool: Pool,
    endpoint_id: str,
    address: IPv4Address,
    *,
    mac: str = "",
    link: str = "eth0",
    internal: bool = False,
    is_way_out: bool = True,
    proxied: bool = True,
) -> EndpointPlan:
    """The name of the host's device comes from the endpoint's ID, so that a restart can tell whose it is."""
    return EndpointPlan(
        bridge=settings.name,
        host_link=host_link(endpoint_id),
        link=link,
        mac=mac or mac_of(address),
        address=str(address),
        prefix_length=pool.subnet.prefixlen,
        broadcast=str(pool.subnet.broadcast_address),
        gateway="" if internal else str(pool.gateway),
        mtu=settings.mtu,
        is_way_out=is_way_out,
        hairpin=not proxied,
    )


def host_link(endpoint_id: str) -> str:
    return HOST_LINK_PREFIX + endpoint_id[:7]
