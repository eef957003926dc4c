"""What the user may make and remove: his own networks. Pure; the texts are dockerd's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network

import msgspec

from seaway.base.errors import Conflict, Forbidden, InvalidParameter, NotFound
from seaway.model.network import IPAM, ConfigReference, IPAMConfig, NetworkCreate
from seaway.networks.drivers import DUMMY_PREFIX, with_settings
from seaway.networks.ipam import Pool, Subnet, parse_pool
from seaway.networks.joined import Joined
from seaway.networks.network import PREDEFINED, Network, ParentSettings
from seaway.networks.validate import validate_request

# Pools for networks without a subnet of their own: (where, how large each)
DEFAULT_POOLS = (*((IPv4Network(f"172.{n}.0.0/16"), 16) for n in range(17, 32)), (IPv4Network("192.168.0.0/16"), 20))
NO_SWARM = (
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm '
    "and try again."
)


@dataclass(frozen=True, slots=True)
class NetworkDefaults:
    """`pools` for networks without a subnet; `driver_options` by driver, where a request says nothing else."""

    pools: Sequence[tuple[IPv4Network, int]] = DEFAULT_POOLS
    driver_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    has_cluster: bool = False
    """There are networks of the cluster's, too."""


NO_DEFAULTS = NetworkDefaults()


def plan_user_network(
    request: NetworkCreate,
    network_id: str,
    created: str,
    existing: Sequence[Network],
    host_routes: Iterable[IPv4Network] = (),
    defaults: NetworkDefaults = NO_DEFAULTS,
) -> Network:
    """Raises InvalidParameter, Forbidden, Conflict or NotFound, as dockerd would."""
    validate_request(request, existing)
    if request.config_only:
        return _config_only(request, network_id, created)
    request = _with_config_from(request, existing)
    driver = request.driver or "bridge"
    _check_driver(driver, has_cluster=defaults.has_cluster)
    if request.enable_ipv4 is False:
        raise InvalidParameter("networks without IPv4 are not supported by this engine")
    options = dict(request.options)
    if not request.config_from:
        options = {**defaults.driver_options.get(driver, {}), **options}
    no_addresses = request.ipam is not None and request.ipam.driver == "null"
    if no_addresses and driver in ("bridge", "ipvlan", "overlay"):
        raise InvalidParameter("ipv4 pool is empty")
    wish, wish6 = _wishes(request)
    taken = [n.pool.subnet for n in existing if n.pool]
    pool = None if no_addresses else _plan_pool(wish, taken, host_routes, defaults.pools)
    pool6 = _plan_pool6(wish6, network_id, existing) if request.enable_ipv6 and not no_addresses else None
    configs = [_config(p, w) for p, w in ((pool, wish), (pool6, wish6)) if p]
    planned = Network(
        id=network_id,
        name=request.name,
        driver=driver,
        created=created,
        pool=pool,
        pool6=pool6,
        ipam=IPAM(
            driver=(request.ipam.driver if request.ipam else "") or "default",
            options=request.ipam.options if request.ipam else None,
            config=configs,
        ),
        options=options,
        labels=dict(request.labels),
        internal=request.internal,
        attachable=request.attachable,
        has_own_subnet=bool(wish.subnet),
        has_own_subnet6=bool(wish6.subnet),
        config_from=request.config_from.network if request.config_from else "",
    )
    network = with_settings(planned)
    _check_devices(network, existing)
    return network


def check_removable(network: Network, joined: Mapping[str, Joined], existing: Sequence[Network] = ()) -> None:
    if network.name in PREDEFINED:
        raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
    if network.config_only and any(n.config_from == network.name for n in existing):
        raise Forbidden(f"configuration network {network.name!r} is in use")
    active = [
        f'name:"{one.name}" id:"{endpoint.endpoint_id[:12]}"'
        for one in joined.values()
        if (endpoint := one.sandbox.attachments.get(network.name))
    ]
    if active:
        raise Forbidden(
            f"error while removing network: network {network.name} has active endpoints ({', '.join(active)})"
        )


def _check_driver(driver: str, *, has_cluster: bool) -> None:
    if driver in ("host", "null"):
        raise Forbidden(f'only one instance of "{driver}" network is allowed')
    if driver == "overlay" and not has_cluster:
        raise Forbidden(NO_SWARM)


def _config_only(request: NetworkCreate, network_id: str, created: str) -> Network:
    """Nothing is made of it: other networks take their configuration from it."""
    return Network(
        id=network_id,
        name=request.name,
        driver="null",
        created=created,
        ipam=request.ipam or IPAM(options={}, config=[]),
        options=dict(request.options),
        labels=dict(request.labels),
        config_only=True,
    )


def _with_config_from(request: NetworkCreate, existing: Sequence[Network]) -> NetworkCreate:
    name = (request.config_from or ConfigReference()).network
    if not name:
        return msgspec.structs.replace(request, config_from=None)
    if request.options or (request.ipam and request.ipam.config):
        raise Forbidden(
            "user supplied configurations are not supported if the network depends on a configuration network"
        )
    source = next((n for n in existing if name in (n.name, n.id) and n.config_only), None)
    if source is None:
        raise NotFound(f'configuration network "{name}" does not exist')
    options, labels = dict(source.options), {**source.labels, **request.labels}
    return msgspec.structs.replace(request, options=options, ipam=source.ipam, labels=labels)


def _check_devices(network: Network, existing: Sequence[Network]) -> None:
    for other in existing:
        if network.bridge and other.bridge and other.bridge.name == network.bridge.name:
            name = network.bridge.name
            raise Conflict(
                f"cannot create network {network.id} ({name}): conflicts with network {other.id} ({name}): "
                "networks have same bridge name"
            )
        if network.parent and other.parent and other.parent.device == network.parent.device:
            _check_shared(network.parent, other.parent, other.id)


def _check_shared(mine: ParentSettings, other: ParentSettings, other_id: str) -> None:
    """Macvlan networks may share a parent, but for one that passes it on whole."""
    used = f"is already using parent interface {mine.device}"
    if mine.kind != other.kind or mine.kind == "ipvlan":
        raise Forbidden(f"network {DUMMY_PREFIX[other.kind]}{other_id[:12]} {used}")
    if mine.mode == "passthru":
        raise Forbidden(f"cannot use mode passthru, macvlan network {other_id} {used}")
    if other.mode == "passthru":
        raise Forbidden(f"macvlan network {other_id} {used} in mode passthru")


def _plan_pool(
    wish: IPAMConfig,
    taken: Sequence[Subnet],
    host_routes: Iterable[IPv4Network],
    pools: Sequence[tuple[IPv4Network, int]],
) -> Pool:
    if not wish.subnet:
        return parse_pool(str(_free_subnet([*taken, *host_routes], pools)), wish.gateway)
    reserved = (wish.auxiliary_addresses or {}).values()
    pool = parse_pool(wish.subnet, wish.gateway, wish.ip_range, reserved)
    if any(pool.subnet.overlaps(other) for other in taken):
        raise Forbidden("Pool overlaps with other one on this address space")
    return pool


def _plan_pool6(wish: IPAMConfig, network_id: str, existing: Sequence[Network]) -> Pool:
    """Without a wish a /64 of unique local addresses, which comes from the network's ID."""
    prefix = f"fd{network_id[:2]}:{network_id[2:6]}:{network_id[6:10]}:{network_id[10:14]}::/64"
    reserved = (wish.auxiliary_addresses or {}).values()
    pool = parse_pool(wish.subnet or prefix, wish.gateway, wish.ip_range, reserved)
    if any(pool.subnet.overlaps(n.pool6.subnet) for n in existing if n.pool6):
        raise Forbidden("Pool overlaps with other one on this address space")
    return pool


def _wishes(request: NetworkCreate) -> tuple[IPAMConfig, IPAMConfig]:
    """For IPv4 and for IPv6; one subnet of each."""
    configs = (request.ipam.config if request.ipam else None) or []
    four, six = [c for c in configs if ":" not in c.subnet], [c for c in configs if ":" in c.subnet]
    if len(four) > 1 or len(six) > 1:
        raise InvalidParameter("bridge driver doesn't support multiple subnets")
    return next(iter(four), IPAMConfig()), next(iter(six), IPAMConfig())


def _config(pool: Pool, wish: IPAMConfig) -> IPAMConfig:
    return IPAMConfig(
        subnet=str(pool.subnet),
        ip_range=wish.ip_range,
        gateway=str(pool.gateway),
        auxiliary_addresses=wish.auxiliary_addresses,
    )


def _free_subnet(taken: Sequence[Subnet], pools: Sequence[tuple[IPv4Network, int]]) -> IPv4Network:
    """The first piece of a pool that overlaps nothing. Numbers rather than networks: hosts have hundreds of them."""
    used = sorted((int(n.network_address), int(n.broadcast_address)) for n in taken if n.version == 4)
    for pool, prefix in pools:
        size, start = 1 << (32 - prefix), int(pool.network_address)
        for first, last in used:
            if first >= start + size:
                break
            if last >= start:
                start += (last - start) // size * size + size
        if start + size - 1 <= int(pool.broadcast_address):
            return IPv4Network((start, prefix))
    raise InvalidParameter("all predefined address pools have been fully subnetted")
