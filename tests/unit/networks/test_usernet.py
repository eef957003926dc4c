from ipaddress import IPv4Network
from pathlib import Path

import pytest

from seaway.base.errors import Conflict, EngineError, Forbidden, InvalidParameter
from seaway.model.network import IPAM, EndpointSettings, IPAMConfig, NetworkCreate
from seaway.networks.joined import Joined
from seaway.networks.network import BridgeSettings, Network, default_bridge
from seaway.networks.sandbox import Sandbox
from seaway.networks.usernet import NetworkDefaults, check_removable, plan_user_network

CREATED = "2026-11-24T05:18:14.657439031Z"
BRIDGE = default_bridge("9" * 64, CREATED, BridgeSettings())


def plan(request: NetworkCreate, *existing: Network, routes: tuple[str, ...] = ()) -> Network:
    return plan_user_network(request, "0123456789abcdef" * 4, CREATED, [BRIDGE, *existing], map(IPv4Network, routes))


def with_subnet(**config: str) -> NetworkCreate:
    return NetworkCreate(name="web", ipam=IPAM(config=[IPAMConfig(**config)]))


def test_a_network_gets_the_first_pool_that_neither_a_network_nor_the_host_uses() -> None:
    network = plan(NetworkCreate(name="web"), routes=("172.18.5.0/24",))
    assert network.ipam == IPAM(config=[IPAMConfig(subnet="172.19.0.0/16", gateway="172.19.0.1")])
    assert network.bridge == BridgeSettings(name="br-0123456789ab")


def test_after_the_sixteens_come_the_twenties() -> None:
    network = plan(NetworkCreate(name="web"), routes=("172.16.0.0/12", "192.168.0.0/20"))
    assert network.pool
    assert str(network.pool.subnet) == "192.168.16.0/20"


def test_the_users_own_pool() -> None:
    network = plan(with_subnet(subnet="10.1.0.0/16", ip_range="10.1.5.0/24", gateway="10.1.0.9"))
    assert network.ipam.config == [IPAMConfig(subnet="10.1.0.0/16", ip_range="10.1.5.0/24", gateway="10.1.0.9")]


@pytest.mark.parametrize(
    ("request_", "failure", "text"),
    [
        (NetworkCreate(name="host"), Forbidden, "operation is not permitted on predefined host network "),
        (with_subnet(subnet="172.17.4.0/24"), Forbidden, "Pool overlaps with other one on this address space"),
        (NetworkCreate(name=" "), InvalidParameter, "invalid network name: name is empty"),
    ],
)
def test_what_dockerd_refuses(request_: NetworkCreate, failure: type[EngineError], text: str) -> None:
    with pytest.raises(failure) as caught:
        plan(request_)
    assert caught.value.message == text


def test_no_two_networks_of_one_name_and_no_more_than_there_are_pools() -> None:
    with pytest.raises(Conflict, match="^network with name web already exists$"):
        plan(NetworkCreate(name="web"), plan(NetworkCreate(name="web")))
    with pytest.raises(InvalidParameter, match="^all predefined address pools have been fully subnetted$"):
        plan(NetworkCreate(name="web"), routes=("172.16.0.0/12", "192.168.0.0/16"))


def test_a_network_in_use_stays_and_so_does_a_predefined_one() -> None:
    web = plan(NetworkCreate(name="web"))
    box = Sandbox("s1", Path("/run/s1"), {"web": EndpointSettings(endpoint_id="e" * 64)})
    with pytest.raises(Forbidden) as caught:
        check_removable(web, {"c1": Joined("shop", box)})
    assert caught.value.message == (
        'error while removing network: network web has active endpoints (name:"shop" id:"eeeeeeeeeeee")'
    )
    with pytest.raises(Forbidden, match="^bridge is a pre-defined network and cannot be removed$"):
        check_removable(BRIDGE, {})
    check_removable(web, {})


def test_a_network_with_both_families() -> None:
    network = plan(NetworkCreate(name="six", enable_ipv6=True))
    assert network.pool6
    assert str(network.pool6.subnet) == "fd01:2345:6789:abcd::/64"
    own = IPAM(config=[IPAMConfig(subnet="10.1.0.0/24"), IPAMConfig(subnet="fd00::/64", gateway="fd00::9")])
    network = plan(NetworkCreate(name="six", enable_ipv6=True, ipam=own))
    assert network.ipam.config == [
        IPAMConfig(subnet="10.1.0.0/24", gateway="10.1.0.1"),
        IPAMConfig(subnet="fd00::/64", gateway="fd00::9"),
    ]
    with pytest.raises(Forbidden, match="^Pool overlaps with other one on this address space$"):
        plan(NetworkCreate(name="more", enable_ipv6=True, ipam=IPAM(config=[IPAMConfig(subnet="fd00::/56")])), network)


def test_the_gaps_between_what_is_taken() -> None:
    pools = NetworkDefaults(pools=[(IPv4Network("10.0.0.0/22"), 24)])

    def first_free(*routes: str) -> str:
        taken = [IPv4Network(r) for r in routes]
        found = plan_user_network(NetworkCreate(name="web"), "a" * 64, CREATED, [], taken, pools)
        assert found.pool
        return str(found.pool.subnet)

    assert first_free() == "10.0.0.0/24"
    assert first_free("9.0.0.0/8", "10.0.0.128/25", "10.0.2.0/24") == "10.0.1.0/24"
    assert first_free("10.0.0.0/23", "10.0.0.0/24", "11.0.0.0/8") == "10.0.2.0/24"
    assert first_free("10.0.0.0/23", "10.0.2.7/32") == "10.0.3.0/24"
    with pytest.raises(InvalidParameter, match="fully subnetted"):
        first_free("10.0.0.0/23", "10.0.2.0/23")
