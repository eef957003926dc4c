"""Which subnets a network gets: the user's, or a free one. Pure; the texts are dockerd's."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, ip_address, ip_network

from seaway.base.errors import Forbidden, InvalidParameter, SystemFailure
from seaway.model.network import IPAMConfig, NetworkCreate
from seaway.networks.ipam import Pool, Subnet, parse_pool, reserved_addresses
from seaway.networks.network import Network

# Pools for networks without a subnet of their own: (where, how large each)
DEFAULT_POOLS = (*((IPv4Network(f"172.{n}.0.0/16"), 16) for n in range(17, 32)), (IPv4Network("192.168.0.0/16"), 20))


@dataclass(frozen=True, slots=True)
class Pools:
    """`own4`, `own6`: the subnet is the user's choice."""

    four: Pool | None
    six: Pool | None
    configs: list[IPAMConfig]
    own4: bool
    own6: bool


def plan_pools(
    request: NetworkCreate,
    network_id: str,
    existing: Sequence[Network],
    host_routes: Iterable[IPv4Network],
    defaults: Sequence[tuple[IPv4Network, int]],
    families: frozenset[int],
) -> Pools:
    """For each of `families`, 4 or 6. Raises InvalidParameter, Forbidden, SystemFailure."""
    wish, wish6 = _wishes(request)
    taken = [n.pool.subnet for n in existing if n.pool]
    four = _plan_pool(wish, taken, host_routes, defaults) if 4 in families else None
    six = _plan_pool6(wish6, network_id, existing) if 6 in families else None
    configs = [_config(pool, w) for pool, w in ((four, wish), (six, wish6)) if pool]
    return Pools(four, six, configs, bool(wish.subnet), bool(wish6.subnet))


def needs_free_subnet(request: NetworkCreate) -> bool:
    """Whether it matters where the host's routes lead."""
    return not _wishes(request)[0].subnet


def default_subnet(present: str, taken: Sequence[Subnet], pools: Sequence[tuple[IPv4Network, int]]) -> str:
    """Of the engine's own bridge: the one that it is in already (`present`, its address in CIDR notation, or ""), if
    that is a piece of a pool, else a free one. Raises InvalidParameter."""
    own = ip_network(present, strict=False) if present else None
    if isinstance(own, IPv4Network) and any(p.supernet_of(own) and own.prefixlen == size for p, size in pools):
        return str(own)
    return str(_free_subnet(taken, pools))


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
    _refuse_taken(wish, pool)
    if _overlaps(pool.subnet, taken):
        raise Forbidden("Pool overlaps with other one on this address space")
    return pool


def _plan_pool6(wish: IPAMConfig, network_id: str, existing: Sequence[Network]) -> Pool:
    """Without a wish a /64 of unique local addresses, which comes from the network's ID."""
    prefix = f"fd{network_id[:2]}:{network_id[2:6]}:{network_id[6:10]}:{network_id[10:14]}::/64"
    reserved = (wish.auxiliary_addresses or {}).values()
    pool = parse_pool(wish.subnet or prefix, wish.gateway, wish.ip_range, reserved)
    _refuse_taken(wish, pool)
    if _overlaps(pool.subnet, [n.pool6.subnet for n in existing if n.pool6]):
        raise Forbidden("Pool overlaps with other one on this address space")
    return pool


def _refuse_taken(wish: IPAMConfig, pool: Pool) -> None:
    """The gateway and the auxiliary addresses are different ones, and none of them the subnet's own. Raises
    SystemFailure, as dockerd does."""
    taken = reserved_addresses(pool.subnet)
    named = [(f"gateway ({wish.gateway})", pool.gateway)]
    named += [
        (f"secondary ip address ({name}:{a})", ip_address(a)) for name, a in (wish.auxiliary_addresses or {}).items()
    ]
    for what, address in named:
        if address in taken:
            raise SystemFailure(f"failed to allocate {what}: Address already in use")
        taken |= {address}


def _overlaps(subnet: Subnet, others: Iterable[Subnet]) -> bool:
    """Any of `others`, which are of the same family. Numbers, as in `_free_subnet`."""
    first, last = int(subnet.network_address), int(subnet.broadcast_address)
    return any(int(o.network_address) <= last and first <= int(o.broadcast_address) for o in others)


def _wishes(request: NetworkCreate) -> tuple[IPAMConfig, IPAMConfig]:
    """For IPv4 and for IPv6; one subnet of each."""
    configs = (request.ipam.config if request.ipam else None) or []
    four, six = [c for c in configs if ":" not in c.subnet], [c for c in configs if ":" in c.subnet]
    if len(four) > 1 or len(six) > 1:
        raise Forbidden("bridge driver doesn't support multiple subnets")
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
