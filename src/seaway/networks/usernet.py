"""What the user may make and remove: his own bridge networks. Pure; the texts are dockerd's."""

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Network

from seaway.base.errors import Conflict, Forbidden, InvalidParameter, NotFound
from seaway.model.network import IPAM, IPAMConfig, NetworkCreate
from seaway.networks.ipam import Pool, parse_pool
from seaway.networks.joined import Joined
from seaway.networks.network import BRIDGE_OPTION, PREDEFINED, BridgeSettings, Network

MTU_OPTION = "com.docker.network.driver.mtu"

# Pools for networks without a subnet of their own: (where, how large each)
DEFAULT_POOLS = (*((IPv4Network(f"172.{n}.0.0/16"), 16) for n in range(17, 32)), (IPv4Network("192.168.0.0/16"), 20))


def plan_user_network(
    request: NetworkCreate,
    network_id: str,
    created: str,
    existing: Sequence[Network],
    host_routes: Iterable[IPv4Network] = (),
) -> Network:
    """Raises InvalidParameter, Forbidden, Conflict or NotFound, as dockerd would."""
    _check_name(request.name, existing)
    if request.driver not in ("", "bridge"):
        raise NotFound(f'plugin "{request.driver}" not found')
    taken = [n.pool.subnet for n in existing if n.pool]
    wish = next(iter((request.ipam.config if request.ipam else None) or ()), IPAMConfig())
    pool = _plan_pool(wish, taken, host_routes)
    config = IPAMConfig(
        subnet=str(pool.subnet),
        ip_range=wish.ip_range,
        gateway=str(pool.gateway),
        auxiliary_addresses=wish.auxiliary_addresses,
    )
    return Network(
        id=network_id,
        name=request.name,
        driver="bridge",
        created=created,
        pool=pool,
        bridge=bridge_settings(network_id, request.options),
        ipam=IPAM(options=(request.ipam.options if request.ipam else None) or {}, config=[config]),
        options=dict(request.options),
        labels=dict(request.labels),
        internal=request.internal,
        attachable=request.attachable,
    )


def check_removable(network: Network, joined: Mapping[str, Joined]) -> None:
    if network.name in PREDEFINED:
        raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
    active = [
        f'name:"{one.name}" id:"{endpoint.endpoint_id[:12]}"'
        for one in joined.values()
        if (endpoint := one.sandbox.endpoints.get(network.name))
    ]
    if active:
        raise Forbidden(
            f"error while removing network: network {network.name} has active endpoints ({', '.join(active)})"
        )


def _check_name(name: str, existing: Sequence[Network]) -> None:
    if not name.strip():
        raise InvalidParameter("invalid network name: name is empty")
    if name in (*PREDEFINED, "default"):
        raise Forbidden(f"operation is not permitted on predefined {name} network")
    if any(n.name == name for n in existing):
        raise Conflict(f"network with name {name} already exists")


def _plan_pool(wish: IPAMConfig, taken: Sequence[IPv4Network], host_routes: Iterable[IPv4Network]) -> Pool:
    if not wish.subnet:
        return parse_pool(str(_free_subnet([*taken, *host_routes])), wish.gateway)
    reserved = (wish.auxiliary_addresses or {}).values()
    pool = parse_pool(wish.subnet, wish.gateway, wish.ip_range, reserved)
    if any(pool.subnet.overlaps(other) for other in taken):
        raise Forbidden("Pool overlaps with other one on this address space")
    return pool


def _free_subnet(taken: Sequence[IPv4Network]) -> IPv4Network:
    for pool, size in DEFAULT_POOLS:
        for subnet in pool.subnets(new_prefix=size):
            if not any(subnet.overlaps(other) for other in taken):
                return subnet
    raise InvalidParameter("all predefined address pools have been fully subnetted")


def bridge_settings(network_id: str, options: dict[str, str]) -> BridgeSettings:
    name = options.get(BRIDGE_OPTION + "name") or f"br-{network_id[:12]}"
    mtu = options.get(MTU_OPTION, "1500")
    if not mtu.isdigit():
        raise InvalidParameter(f"failed to parse {MTU_OPTION} value: {mtu}")
    return BridgeSettings(
        name=name,
        mtu=int(mtu),
        icc=_flag(options, "enable_icc"),
        masquerade=_flag(options, "enable_ip_masquerade"),
        default_ip=options.get(BRIDGE_OPTION + "host_binding_ipv4", "0.0.0.0"),
    )


def _flag(options: dict[str, str], name: str) -> bool:
    return options.get(BRIDGE_OPTION + name, "true").lower() in ("1", "t", "true")
