"""What a network more, or an address more, costs where there are many: counted in calls, which no other load changes."""

import sys
from collections.abc import Callable
from ipaddress import IPv4Address
from types import FrameType
from typing import Any

from seaway.model.network import IPAM, IPAMConfig, NetworkCreate
from seaway.networks.ipam import parse_pool
from seaway.networks.network import Network
from seaway.networks.pools import needs_free_subnet
from seaway.networks.usernet import plan_user_network

FEW, MANY = 20, 220
PER_NETWORK = 10
"""How many calls one network that is there already may cost the next one."""


def calls(work: Callable[[], object]) -> int:
    """Of Python functions, those of generators counted at each of their items."""
    count = 0

    def seen(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event == "call"

    sys.setprofile(seen)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def named(number: int) -> NetworkCreate:
    config = IPAMConfig(subnet=f"10.{number // 250}.{number % 250}.0/24")
    return NetworkCreate(name=f"n{number}", ipam=IPAM(config=[config]))


def plan(request: NetworkCreate, number: int, existing: list[Network]) -> Network:
    return plan_user_network(request, f"{number:064d}"[::-1], "2026-11-24T05:18:14Z", existing)


def networks(count: int) -> list[Network]:
    made: list[Network] = []
    for number in range(count):
        made.append(plan(named(number), number + 1, made))
    return made


def test_the_next_network() -> None:
    few, many = networks(FEW), networks(MANY)
    for request in (named(MANY), NetworkCreate(name="free")):
        cost = [calls(lambda on=on, wish=request: plan(wish, 999, on)) for on in (few, many)]
        assert cost[1] - cost[0] < PER_NETWORK * (MANY - FEW)


def test_the_hosts_routes_are_read_where_they_matter() -> None:
    assert not needs_free_subnet(named(1))
    assert needs_free_subnet(NetworkCreate(name="free"))
    assert needs_free_subnet(NetworkCreate(name="six", ipam=IPAM(config=[IPAMConfig(subnet="fd00::/64")])))


def test_the_next_address() -> None:
    pool = parse_pool("10.0.0.0/16")
    first = calls(pool.allocate)
    for _ in range(1000):
        pool, address = pool.allocate()
    assert str(address) == "10.0.3.233"
    assert calls(pool.allocate) <= first
    pool, freed = pool.release(IPv4Address("10.0.0.7")).allocate()
    assert str(freed) == "10.0.0.7"
    pool, next_one = pool.allocate()
    assert str(next_one) == "10.0.3.234"
