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


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """A pair of devices: `host_link` is a port of `bridge`, `link` is the container's."""

    bridge: str
    host_link: str
    link: str
    mac: str
    address: str
    prefix_length: int
    broadcast: str
    gateway: str
    mtu: int


def plan_bridge(settings: BridgeSettings, pool: Pool) -> BridgePlan:
    return BridgePlan(
        name=settings.name,
        mac=mac_of(pool.gateway),
        address=str(pool.gateway),
        prefix_length=pool.subnet.prefixlen,
        broadcast=str(pool.subnet.broadcast_address),
        mtu=settings.mtu,
    )


def plan_endpoint(
    settings: BridgeSettings,
    pool: Pool,
    endpoint_id: str,
    address: IPv4Address,
    *,
    mac: str = "",
    number: int = 0,
    internal: bool = False,
) -> EndpointPlan:
    """The name of the host's device comes from the endpoint's ID, so that a restart can tell whose it is."""
    return EndpointPlan(
        bridge=settings.name,
        host_link=host_link(endpoint_id),
        link=f"eth{number}",
        mac=mac or mac_of(address),
        address=str(address),
        prefix_length=pool.subnet.prefixlen,
        broadcast=str(pool.subnet.broadcast_address),
        gateway="" if internal else str(pool.gateway),
        mtu=settings.mtu,
    )


def host_link(endpoint_id: str) -> str:
    return HOST_LINK_PREFIX + endpoint_id[:7]
