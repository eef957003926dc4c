from ipaddress import ip_network

from seaway.model.network import EndpointSettings
from seaway.networks.ipam import parse_pool
from seaway.networks.network import Network
from seaway.networks.sandbox import Sandbox
from seaway.networks.wayout import choose_ways_out, ways_by


def network(name: str, *subnets: str, internal: bool = False) -> Network:
    pools = {ip_network(subnet).version: parse_pool(subnet) for subnet in subnets}
    return Network(name, name, "bridge", "", pool=pools.get(4), pool6=pools.get(6), internal=internal)


FOUR, SIX = network("four", "10.1.0.0/24"), network("six", "fd01::/64")
BOTH = network("zboth", "10.2.0.0/24", "fd02::/64")
CLOSED = network("closed", "10.3.0.0/24", internal=True)
PLAIN, FIRST = EndpointSettings(), EndpointSettings(gw_priority=1)


def test_each_version_has_its_own_way_out() -> None:
    ways = choose_ways_out([(BOTH, PLAIN), (SIX, PLAIN), (FOUR, PLAIN), (CLOSED, FIRST)])
    assert ways == {4: FOUR, 6: SIX}
    assert (ways_by(FOUR, ways), ways_by(SIX, ways), ways_by(BOTH, ways)) == ({4}, {6}, frozenset())


def test_priority_comes_before_the_name() -> None:
    assert choose_ways_out([(FOUR, PLAIN), (BOTH, FIRST)]) == {4: BOTH, 6: BOTH}
    assert choose_ways_out([(CLOSED, PLAIN)]) == {}


def test_ports_lead_to_the_address_of_their_family() -> None:
    four = EndpointSettings(ip_address="10.1.0.2", gateway="10.1.0.1")
    six = EndpointSettings(global_ipv6_address="fd01::2", ipv6_gateway="fd01::1")
    sandbox = Sandbox("s", None, {"four": four, "six": six})
    assert (sandbox.target_of("0.0.0.0"), sandbox.target_of("::")) == ("10.1.0.2", "fd01::2")
    assert Sandbox("s", None, {"four": four}).target_of("::") == "10.1.0.2"
    assert Sandbox("s", None, {"six": six}).target_of("127.0.0.1") == "fd01::2"
    assert Sandbox("s", None, {}).target_of("::") == ""
