import json

from seaway.networks.firewall.foreign import closed_chains, plan_passage


def listing(*chains: tuple[str, str, str, str]) -> str:
    entries = [{"chain": {"family": f, "table": t, "name": n, "hook": "forward", "policy": p}} for f, t, n, p in chains]
    return json.dumps({"nftables": [{"metainfo": {}}, *entries, {"chain": {"table": "filter", "name": "ufw-x"}}]})


def test_who_drops_by_default() -> None:
    found = closed_chains(
        listing(
            ("ip", "filter", "FORWARD", "drop"),
            ("ip6", "filter", "FORWARD", "accept"),
            ("inet", "firewalld", "filter_FORWARD", "accept"),
            ("inet", "mine", "forward", "drop"),
            ("ip", "seaway", "forward", "drop"),
        ),
        {"iptables-legacy": "-P FORWARD DROP\n", "ip6tables-legacy": "-P FORWARD ACCEPT\n"},
        own_table="seaway",
    )
    assert [(str(c), c.program) for c in found] == [
        ("table ip filter, chain FORWARD (ufw)", "iptables-nft"),
        ("table inet firewalld, chain filter_FORWARD (firewalld)", ""),
        ("table inet mine, chain forward", ""),
        ("iptables-legacy FORWARD", "iptables-legacy"),
    ]


def test_who_drops_what_comes_in() -> None:
    chains = [("ip", "filter", "INPUT", "drop"), ("ip", "filter", "FORWARD", "accept")]
    text = listing(*chains).replace('"forward", "policy": "drop"', '"input", "policy": "drop"')
    found = closed_chains(text, {"iptables-legacy": "-P INPUT DROP\n-N ufw-x"}, hook="input")
    assert [(each.where, each.owner) for each in found] == [
        ("table ip filter, chain INPUT", "ufw"),
        ("iptables-legacy INPUT", "ufw"),
    ]
    assert closed_chains(text, {"iptables-legacy": "-P INPUT DROP\n"}) == []


def test_a_host_without_any_rules() -> None:
    assert closed_chains("", {}) == []


def test_the_passage() -> None:
    assert plan_passage("SEAWAY", ["docker0"]) == (
        "*filter\n:SEAWAY-PASS - [0:0]\n-A SEAWAY-PASS -i docker0 -j ACCEPT\n-A SEAWAY-PASS -o docker0 -j ACCEPT\nCOMMIT\n"
    )
