from pathlib import Path

from seaway.networks.firewall.elements import Bridge, Link, PublishedPort, bridge_elements, port_elements
from seaway.networks.firewall.iptables import HOOKS, chain_prefix, find_missing, plan_change, plan_removal, plan_restore
from seaway.networks.firewall.ruleset import table_name

GOLDEN = Path(__file__).parents[2] / "golden" / "networks"
DOCKER0 = Bridge("docker0", "172.17.0.0/16", network="bridge", subnet6="fd00:51::/64")
DEEP = Bridge("br-0123456789ab", "172.18.0.0/16", masquerade=False, icc=False, internal=True, network="deep")
OWN = Bridge("br-own", "172.21.0.0/16", subnet6="fd00:53::/64", source="192.0.2.9", source6="fd00:9::9")
OPEN = Bridge("br-open", "172.19.0.0/16", unprotected=frozenset({4}), network="open")
WEB = PublishedPort("tcp", "0.0.0.0", 8080, "172.17.0.2", 80, "web")
WEB6 = PublishedPort("tcp", "::", 8080, "fd00:51::2", 80, "web")
DNS = PublishedPort("udp", "192.0.2.7", 53, "172.17.0.3", 53, "dns")
SIP = [PublishedPort("udp", "0.0.0.0", n, "172.17.0.4", n, "sip") for n in range(10000, 12000)]
ALL = [
    *bridge_elements([DOCKER0, DEEP, OPEN]),
    *port_elements([WEB, WEB6, DNS, *SIP]),
    Link("172.17.0.3", "172.17.0.2", "tcp", 80, "web").element(),
]


def test_the_whole() -> None:
    text = plan_restore("SEAWAY", "ip", ALL) + plan_restore("SEAWAY", "ip6", ALL)
    assert text == (GOLDEN / "all.iptables").read_text()


def test_what_somebody_has_removed() -> None:
    """iptables-save writes rules in its own way: they are counted."""
    there = "".join(
        [
            plan_restore("SEAWAY", "ip", ALL),
            *(f"*{table}\n-A {builtin} -j SEAWAY-{chain}\n" for table, builtin, chain in HOOKS),
        ]
    )
    assert find_missing("SEAWAY", "ip", ALL, there, proxied=True) == []
    assert find_missing("SEAWAY", "ip", ALL, there.replace("-A FORWARD", "-A INPUT"), proxied=True) == [
        "filter FORWARD -j SEAWAY-FWD"
    ]
    without_web = "\n".join(line for line in there.splitlines() if "--dport 8080" not in line)
    assert find_missing("SEAWAY", "ip", ALL, without_web, proxied=True) == ["nat SEAWAY-PORTS"]


def test_without_the_proxy() -> None:
    elements = [*bridge_elements([DOCKER0]), *port_elements([WEB], proxied=False)]
    assert plan_restore("SEAWAY", "ip", elements, proxied=False) == (GOLDEN / "no-proxy.iptables").read_text()


def test_a_network_calls_out_from_an_address_of_the_hosts() -> None:
    """The rule that names the address comes before the one that takes any."""
    for family, subnet, source in (("ip", OWN.subnet, OWN.source), ("ip6", OWN.subnet6, OWN.source6)):
        for text in (plan_restore("SEAWAY", family, OWN.elements()), plan_change("SEAWAY", family, [], OWN.elements())):
            assert [line for line in text.splitlines() if f"-s {subnet}" in line] == [
                f"-A SEAWAY-POST -s {subnet} -j SNAT --to-source {source}",
                f"-A SEAWAY-POST -s {subnet} -j MASQUERADE",
            ]


def test_a_change_is_the_same_rules() -> None:
    assert plan_change("SEAWAY", "ip", port_elements([WEB]), port_elements([DNS])) == (
        "*nat\n"
        '-D SEAWAY-PORTS -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80 -m comment --comment "container web"\n'
        "-I SEAWAY-PORTS -p udp -d 192.0.2.7 -m udp --dport 53 -j DNAT --to-destination 172.17.0.3:53 "
        '-m comment --comment "container dns"\n'
        "COMMIT\n"
    )
    assert plan_change("SEAWAY", "ip6", port_elements([WEB]), []) == ""


def test_removal_empties_every_chain_and_then_deletes_it() -> None:
    lines = plan_removal("SEAWAY", "ip").splitlines()
    emptied = [line.split()[0][1:] for line in lines if line.startswith(":")]
    assert emptied == [line.split()[1] for line in lines if line.startswith("-X")]


def test_no_chain_has_too_long_a_name() -> None:
    longest = chain_prefix(table_name("b" * 15, ""))
    names = [line.split()[0][1:] for line in plan_restore(longest, "ip", []).splitlines() if line.startswith(":")]
    assert max(map(len, names)) == 28
    assert {f"{longest}-{ours}" for _, _, ours in HOOKS} <= set(names)
