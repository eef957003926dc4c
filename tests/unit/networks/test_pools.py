from ipaddress import IPv4Network

import pytest

from seaway.base.errors import InvalidParameter
from seaway.networks.pools import DEFAULT_POOLS, default_subnet

SMALL = [(IPv4Network("10.78.0.0/23"), 24)]


def test_the_own_bridge_gets_the_first_piece_that_is_free() -> None:
    assert default_subnet("", [], DEFAULT_POOLS) == "172.17.0.0/16"
    assert default_subnet("", [IPv4Network("172.17.3.0/24")], DEFAULT_POOLS) == "172.18.0.0/16"


def test_it_stays_in_its_piece_of_a_pool_and_leaves_any_other() -> None:
    assert default_subnet("10.78.1.1/24", [], SMALL) == "10.78.1.0/24"
    assert default_subnet("172.17.0.1/16", [], SMALL) == "10.78.0.0/24"
    assert default_subnet("10.78.0.1/25", [], SMALL) == "10.78.0.0/24"


def test_pools_that_are_used_up() -> None:
    with pytest.raises(InvalidParameter, match="all predefined address pools have been fully subnetted"):
        default_subnet("", [IPv4Network("10.78.0.0/16")], SMALL)
