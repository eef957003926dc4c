"""What to build for a network and for a container's place in it. Values only; `links` carries them out."""

from dataclasses import dataclass, replace

from seaway.model.network import EndpointSettings
from seaway.networks.ipam import Address, Pool, broadcast_of, canonical_mac, mac_of, random_mac
from seaway.networks.network import BridgeSettings, Network, ParentSettings
from seaway.networks.rates import Rates, parse_rates

HOST_LINK_PREFIX = "veth"
IFNAME, SYSCTLS = "com.docker.network.endpoint.ifname", "com.docker.network.endpoint.sysctls"
NO_WISH = EndpointSettings()
NO_LIMITS = Rates()
BOTH = frozenset({4, 6})


@dataclass(frozen=True, slots=True)
class BridgePlan:
    name: str
    mac: str
    address: str
    prefix_length: int
    broadcast: str
    mtu: int
    route_localnet: bool = False
    address6: str = ""
    prefix_length6: int = 0
    sole_address: bool = False


@dataclass(frozen=True, slots=True)
class EndpointPlan:
    """`link` is the container's device: one of a pair whose `host_link` is a port of `bridge`, or a device of `kind`
    macvlan or ipvlan on `parent`. `ways_out`: the versions of IP whose default route goes by its gateway, or by the
    device itself where the parent routes."""

    link: str
    mac: str
    address: str
    prefix_length: int
    broadcast: str
    gateway: str
    mtu: int
    bridge: str = ""
    host_link: str = ""
    hairpin: bool = False
    parent: str = ""
    kind: str = ""
    mode: str = ""
    flag: str = ""
    parent_routes: bool = False
    source: str = ""
    """A device of the host's that somebody else's driver made, and that becomes `link`."""
    routes: tuple[tuple[str, str], ...] = ()
    """(destination, next hop, or "" for the device itself)"""
    ways_out: frozenset[int] = BOTH
    address6: str = ""
    prefix_length6: int = 0
    gateway6: str = ""
    more_addresses: tuple[str, ...] = ()
    sysctls: tuple[tuple[str, str], ...] = ()
    """(path below /proc/sys/net, value), once the device is there."""
    rates: Rates = NO_LIMITS


def plan_bridge(
    settings: BridgeSettings, pool: Pool | None, pool6: Pool | None = None, *, proxied: bool = True
) -> BridgePlan:
    return BridgePlan(
        name=settings.name,
        mac=mac_of(pool.gateway) if pool else random_mac(),
        address=str(pool.gateway) if pool and not settings.without_address else "",
        prefix_length=pool.subnet.prefixlen if pool else 0,
        broadcast=broadcast_of(pool.subnet) if pool else "",
        mtu=settings.mtu,
        route_localnet=not proxied,
        address6=str(pool6.gateway) if pool6 and not settings.without_address6 else "",
        prefix_length6=pool6.subnet.prefixlen if pool6 else 0,
        sole_address=settings.sole_address,
    )


def plan_endpoint(
    network: Network,
    endpoint_id: str,
    address: Address | None,
    address6: Address | None = None,
    *,
    wish: EndpointSettings = NO_WISH,
    mac: str = "",
    number: int = 0,
    ways_out: frozenset[int] = BOTH,
    proxied: bool = True,
) -> EndpointPlan:
    """The name of the host's device comes from the endpoint's ID, so that a restart can tell whose it is."""
    pool, bridge, parent = network.pool, network.bridge, network.parent
    own = ((bridge and bridge.default_gateway) or str(pool.gateway)) if pool else ""
    link = (wish.driver_opts or {}).get(IFNAME) or f"{bridge.link_prefix if bridge else 'eth'}{number}"
    pool6 = network.pool6
    own_mac = "" if network.is_foreign else mac_of(address) if address else random_mac()
    common = EndpointPlan(
        link=link,
        mac=canonical_mac(wish.mac_address or mac) or own_mac,
        address=str(address or ""),
        prefix_length=pool.subnet.prefixlen if pool else 0,
        broadcast=broadcast_of(pool.subnet) if pool else "",
        gateway="" if network.internal else own,
        mtu=1500,
        ways_out=ways_out,
        more_addresses=tuple((wish.ipam_config.link_local_ips if wish.ipam_config else None) or ()),
        address6=str(address6) if address6 else "",
        prefix_length6=pool6.subnet.prefixlen if pool6 else 0,
        gateway6=((bridge and bridge.default_gateway6) or str(pool6.gateway)) if pool6 and not network.internal else "",
        rates=parse_rates(wish.driver_opts),
        sysctls=plan_sysctls((wish.driver_opts or {}).get(SYSCTLS, ""), link),
    )
    host = host_link(endpoint_id)
    if network.overlay:
        return replace(common, bridge=network.overlay.bridge, host_link=host, gateway="", mtu=network.overlay.mtu)
    if parent:
        return _on_parent(parent, common, is_internal=network.internal)
    if network.is_foreign:
        return common
    assert bridge
    return replace(common, bridge=bridge.name, host_link=host, hairpin=not proxied, mtu=bridge.mtu)


def _on_parent(parent: ParentSettings, plan: EndpointPlan, *, is_internal: bool) -> EndpointPlan:
    plan = replace(plan, parent=parent.device, kind=parent.kind, mode=parent.mode, flag=parent.flag, mtu=parent.mtu)
    if parent.kind == "ipvlan":
        plan = replace(plan, mac="")
    if parent.routes:
        plan = replace(plan, gateway="", gateway6="", parent_routes=not is_internal)
    return plan


def plan_sysctls(text: str, link: str) -> tuple[tuple[str, str], ...]:
    """`net.ipv4.conf.IFNAME.log_martians=1,…`, which the engine has checked when the container was made."""
    wishes = (wish.partition("=") for wish in text.split(",") if wish)
    return tuple((_path(name, link), value) for name, _, value in wishes)


def _path(name: str, link: str) -> str:
    _net, family, kind, _ifname, setting = name.split(".", 4)
    return f"{family}/{kind}/{link}/{setting}"


def host_link(endpoint_id: str) -> str:
    return HOST_LINK_PREFIX + endpoint_id[:7]
