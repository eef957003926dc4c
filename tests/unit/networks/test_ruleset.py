from pathlib import Path

from seaway.networks.firewall.elements import Bridge, Link, PublishedPort, bridge_elements, port_elements, printable
from seaway.networks.firewall.ruleset import plan_add, plan_delete, plan_ruleset, table_name

GOLDEN = Path(__file__).parents[2] / "golden" / "networks"
DOCKER0 = Bridge("docker0", "172.17.0.0/16", network="bridge")
DEEP = Bridge("br-0123456789ab", "172.18.0.0/16", masquerade=False, icc=False, internal=True, network="deep")
WEB = PublishedPort("tcp", "0.0.0.0", 8080, "172.17.0.2", 80, "web")
DNS = PublishedPort("udp", "192.0.2.7", 53, "172.17.0.3", 53, "dns")
LOOPBACK = PublishedPort("tcp", "127.0.0.1", 9000, "172.17.0.2", 9000, "web")


def test_a_bridge_without_ports() -> None:
    assert plan_ruleset("seaway", bridge_elements([DOCKER0]), ipv6=False) == (GOLDEN / "bridge.nft").read_text()


def test_networks_and_published_ports_are_elements() -> None:
    elements = [*bridge_elements([DOCKER0, DEEP]), *port_elements([WEB, DNS, LOOPBACK])]
    assert plan_ruleset("seaway", elements, ipv6=False) == (GOLDEN / "publish.nft").read_text()


def test_without_the_proxy_nft_translates_loopback_and_hairpin_too() -> None:
    elements = [*bridge_elements([DOCKER0]), *port_elements([WEB, LOOPBACK], proxied=False)]
    assert plan_ruleset("seaway", elements, proxied=False) == (GOLDEN / "no-proxy.nft").read_text()


def test_one_more_port_is_one_more_element() -> None:
    assert plan_add("seaway", port_elements([WEB, DNS])) == (
        'add element ip seaway published { tcp . 8080 comment "container web" : 172.17.0.2 . 80 }\n'
        'add element ip seaway published_on { udp . 192.0.2.7 . 53 comment "container dns" : 172.17.0.3 . 53 }\n'
    )
    assert plan_delete("seaway", port_elements([WEB])) == "delete element ip seaway published { tcp . 8080 }\n"


def test_loopback_and_a_change_of_family_are_the_proxys() -> None:
    v6 = PublishedPort("tcp", "::", 8080, "172.17.0.2", 80)
    mine = PublishedPort("tcp", "::1", 8080, "fd00:51::2", 80)
    assert port_elements([LOOPBACK, v6, mine]) == []
    assert port_elements([v6, mine], proxied=False) == []


def test_neighbours_that_keep_their_numbers_are_one_interval() -> None:
    kept = [PublishedPort("udp", "0.0.0.0", n, "172.17.0.2", n, "sip") for n in range(10000, 15000)]
    shifted = [PublishedPort("udp", "0.0.0.0", n, "172.17.0.2", n - 100, "sip") for n in (16001, 16002)]
    other = [PublishedPort("udp", "0.0.0.0", 15000, "172.17.0.3", 15000, "else")]
    one = [PublishedPort("tcp", "192.0.2.7", n, "172.17.0.2", n, "sip") for n in (80, 81)]
    assert [e.text for e in port_elements([*shifted, *kept, *other, *one])] == [
        'udp . 15000 comment "container else" : 172.17.0.3 . 15000',
        'udp . 16001 comment "container sip" : 172.17.0.2 . 15901',
        'udp . 16002 comment "container sip" : 172.17.0.2 . 15902',
        'udp . 10000-14999 comment "container sip" : 172.17.0.2',
        'tcp . 192.0.2.7 . 80-81 comment "container sip" : 172.17.0.2',
    ]


def test_a_network_calls_out_from_an_address_of_the_hosts() -> None:
    """Its hairpins are masqueraded nevertheless: they do not leave the host."""
    own = Bridge(
        "br-own", "172.21.0.0/16", network="own", subnet6="fd00:53::/64", source="192.0.2.9", source6="fd00:9::9"
    )
    elements = bridge_elements([own])
    assert plan_ruleset("seaway", elements, proxied=False) == (GOLDEN / "source.nft").read_text()
    off = Bridge("br-off", "172.21.0.0/16", masquerade=False, source="192.0.2.9")
    routed = Bridge("br-off", "172.21.0.0/16", routed=frozenset({4}), source="192.0.2.9")
    assert not [e for e in bridge_elements([off, routed]) if e.container == "sources"]


def test_two_engines_do_not_share_a_table() -> None:
    names = [table_name(bridge, "0123456789abcdef") for bridge in ("docker0", "br0", "a:b", "none")]
    assert names == ["seaway", "seaway-br0", "seaway-a_b", "seaway-01234567"]


def test_a_comment_cannot_break_out_of_its_quotes() -> None:
    assert printable('a"; drop\\\n') == "a'; drop/ "
    assert printable("\x00a\rb\x1bc") == " a b c"
    for text in ("x" * 300, "é" * 300, "漢" * 300):
        assert 116 < len(printable(text).encode()) < 128


def test_ipv6_has_a_table_of_its_own() -> None:
    six = Bridge("br-six", "172.19.0.0/16", network="six", subnet6="fd00:51::/64")
    deep = Bridge("br-deep", "172.20.0.0/16", internal=True, masquerade=False, network="deep", subnet6="fd00:52::/64")
    web = PublishedPort("tcp", "::", 8080, "fd00:51::2", 80, "web")
    text = plan_ruleset("seaway", [*bridge_elements([six, deep]), *port_elements([web])])
    assert text[text.index("add table ip6") :] == (GOLDEN / "ipv6.nft").read_text()


def test_a_link_is_one_port_of_one_container_for_another_one() -> None:
    link = Link("172.17.0.3", "172.17.0.2", "tcp", 80, "web")
    assert plan_add("seaway", [link.element()]) == (
        'add element ip seaway linked { 172.17.0.3 . 172.17.0.2 . tcp . 80 comment "link of web" }\n'
    )
