"""What the user may make and remove: his own networks. Pure; the texts are dockerd's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network

import msgspec

from seaway.base.errors import Conflict, Forbidden, InvalidParameter, NotFound, SystemFailure
from seaway.model.network import IPAM, ConfigReference, NetworkCreate
from seaway.networks.drivers import DUMMY_PREFIX, with_settings
from seaway.networks.families import wanted_families
from seaway.networks.joined import Joined
from seaway.networks.network import PREDEFINED, Network, ParentSettings
from seaway.networks.pools import DEFAULT_POOLS, plan_pools
from seaway.networks.validate import NO_SWARM, validate_request


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
    """Raises InvalidParameter, Forbidden, Conflict, NotFound or SystemFailure, as dockerd would."""
    validate_request(request, existing)
    if request.config_only:
        return _config_only(request, network_id, created)
    request = _with_config_from(request, existing)
    driver = request.driver or "bridge"
    _check_driver(driver, has_cluster=defaults.has_cluster)
    options = dict(request.options)
    if not request.config_from:
        options = {**defaults.driver_options.get(driver, {}), **options}
    families = _families(request, driver, options)
    pools = plan_pools(request, network_id, existing, host_routes, defaults.pools, families)
    planned = Network(
        id=network_id,
        name=request.name,
        driver=driver,
        created=created,
        pool=pools.four,
        pool6=pools.six,
        ipam=IPAM(
            driver=(request.ipam.driver if request.ipam else "") or "default",
            options=request.ipam.options if request.ipam else None,
            config=pools.configs,
        ),
        options=options,
        labels=dict(request.labels),
        internal=request.internal,
        attachable=request.attachable,
        has_own_subnet=pools.own4,
        has_own_subnet6=pools.own6,
        config_from=request.config_from.network if request.config_from else "",
    )
    network = with_settings(planned)
    _check_devices(network, existing)
    return network


def _families(request: NetworkCreate, driver: str, options: Mapping[str, str]) -> frozenset[int]:
    """Those it has addresses of."""
    families = wanted_families(request, options)
    no_addresses = request.ipam is not None and request.ipam.driver == "null"
    if no_addresses and request.ipam and any(c.subnet for c in request.ipam.config or ()):
        raise InvalidParameter("null ipam driver does not handle specific address pool requests")
    if driver == "overlay" and (no_addresses or 4 not in families):
        raise InvalidParameter("ipv4 pool is empty")
    if no_addresses and driver in ("bridge", "ipvlan"):
        raise InvalidParameter(f"ipv{min(families)} pool is empty")
    return frozenset() if no_addresses else families


def check_removable(network: Network, joined: Mapping[str, Joined], existing: Sequence[Network] = ()) -> None:
    if network.name in PREDEFINED:
        raise Forbidden(f"{network.name} is a pre-defined network and cannot be removed")
    if network.config_only and any(n.config_from == network.name for n in existing):
        raise Forbidden(f'error while removing network: configuration network "{network.name}" is in use')
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
        raise SystemFailure(NO_SWARM)


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
    source = next((n for n in existing if name in (n.name, n.id) and n.config_only), None)
    if source is None:
        raise NotFound(f'configuration network "{name}" does not exist')
    options, labels = dict(source.options), dict(source.labels)
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
