from ipaddress import IPv4Address

import pytest

from seaway.base.errors import InvalidParameter
from seaway.networks.ipam import AddressInUse, PoolExhausted, mac_of, parse_pool


def test_the_first_container_gets_dot_two_and_a_freed_address_is_the_next_one() -> None:
    pool, first = parse_pool("172.17.0.0/16").allocate()
    pool, second = pool.allocate()
    assert (str(first), str(second)) == ("172.17.0.2", "172.17.0.3")
    pool, again = pool.release(first).allocate()
    assert again == first


def test_a_range_bounds_what_is_handed_out_but_not_a_wish() -> None:
    pool, first = parse_pool("10.0.0.0/16", ip_range="10.0.5.0/24").allocate()
    assert str(first) == "10.0.5.0"
    pool, wished = pool.allocate(IPv4Address("10.0.9.9"))
    assert wished in pool.taken


def test_a_full_pool_and_a_taken_wish() -> None:
    pool = parse_pool("10.0.0.0/30", reserved=["10.0.0.2"])
    with pytest.raises(PoolExhausted):
        pool.allocate()
    with pytest.raises(AddressInUse, match="^Address already in use$"):
        pool.allocate(IPv4Address("10.0.0.2"))


def test_the_gateway_is_never_released() -> None:
    pool = parse_pool("172.17.0.0/16", gateway="172.17.9.9")
    assert pool.release(IPv4Address("172.17.9.9")) == pool


@pytest.mark.parametrize(("subnet", "gateway"), [("nonsense", ""), ("10.0.0.0/24", "10.1.0.1"), ("10.0.0.0/24", "x")])
def test_what_is_no_pool(subnet: str, gateway: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_pool(subnet, gateway)


def test_the_mac_address_follows_the_address() -> None:
    assert mac_of(IPv4Address("172.17.0.2")) == "02:42:ac:11:00:02"
