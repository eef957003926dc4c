"""The firewall as text for nft: one table of ours, one transaction per change (docs/design/firewall.md reads it aloud).

Whatever there may be many of (bridges, published ports) is an element of a set or map, so neither a packet nor a
change pays for their number. The rules are always the same. The chain `user` is the administrator's: it is made where
it is missing, and never flushed.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

from seaway.networks.firewall.elements import Element

USER_CHAIN = "user"


def _sets(address: str) -> dict[str, str]:
    """`ranges`: ports that lead to the same number of one container."""
    return {
        "set bridges": "type ifname",
        "set internal": "type ifname",
        "set unprotected": "type ifname",
        "set routed": "type ifname",
        "set open": f"type inet_proto . {address} . inet_service",
        "set trusted": "type ifname . ifname",
        "set direct": f"type inet_proto . {address} . inet_service",
        "set masqueraded": f"type {address}; flags interval",
        "map sources": f"type {address} : {address}; flags interval",
        "set linked": f"type {address} . {address} . inet_proto . inet_service",
        "map within": "type ifname . ifname : verdict",
        "map published": f"type inet_proto . inet_service : {address} . inet_service",
        "map published_on": f"type inet_proto . {address} . inet_service : {address} . inet_service",
        "map ranges": f"type inet_proto . inet_service : {address}; flags interval",
        "map ranges_on": f"type inet_proto . {address} . inet_service : {address}; flags interval",
    }


HOOKS = {
    "publish": "",
    "guard": "type filter hook prerouting priority raw; policy accept;",
    "prerouting": "type nat hook prerouting priority dstnat; policy accept;",
    "output": "type nat hook output priority -100; policy accept;",
    "postrouting": "type nat hook postrouting priority srcnat; policy accept;",
    "forward": "type filter hook forward priority filter; policy accept;",
}


def plan_ruleset(
    table: str, elements: Sequence[Element], *, proxied: bool = True, ipv6: bool = True, accept_mark: str = ""
) -> str:
    """All of the table but the administrator's chain, in place of whatever an earlier engine left.

    `proxied`: the port proxy serves the host's loopback and the containers. Without it nft translates these too.
    """
    text = _plan_family("ip", table, elements, _sets("ipv4_addr"), HOOKS, _rules(accept_mark, proxied=proxied))
    if ipv6:
        text += _plan_family("ip6", table, elements, _sets("ipv6_addr"), HOOKS, _rules6(accept_mark, proxied=proxied))
    return text


def _plan_family(
    family: str,
    table: str,
    elements: Sequence[Element],
    sets: Mapping[str, str],
    hooks: Mapping[str, str],
    rules: Mapping[str, Sequence[str]],
) -> str:
    mine, where = [e for e in elements if e.family == family], f" {family} {table} "
    lines = [
        f"add table {family} {table}",
        f"add chain{where}{USER_CHAIN}",
        *(f"add chain{where}{chain}{f' {{ {hook} }}' if hook else ''}" for chain, hook in hooks.items()),
        *(f"flush chain{where}{chain}" for chain in hooks),
        *(f"add {named.replace(' ', where)} {{ {kind}; }}" for named, kind in sets.items()),
        *(f"flush {named.replace(' ', where)}" for named in sets),
        f"table {family} {table} {{",
        *(line for named, kind in sets.items() for line in _elements(named, kind, mine)),
        *(line for chain in hooks for line in _chain(chain, rules[chain])),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _rules(accept_mark: str = "", *, proxied: bool) -> dict[str, list[str]]:
    local = "fib daddr type local"
    return {
        "publish": [
            "dnat ip to meta l4proto . ip daddr . th dport map @published_on",
            "dnat ip to meta l4proto . th dport map @published",
            "dnat ip to meta l4proto . ip daddr . th dport map @ranges_on",
            "dnat ip to meta l4proto . th dport map @ranges",
        ],
        # Only a host with route_localnet would let these in; ours then serves 127.0.0.1 to its neighbours.
        "guard": ['iifname != "lo" ip daddr 127.0.0.0/8 drop comment "loopback addresses from outside"'],
        "prerouting": [f"{'iifname != @bridges ' if proxied else ''}{local} jump publish"],
        "output": [f"{'ip daddr != 127.0.0.0/8 ' if proxied else ''}{local} jump publish"],
        "postrouting": [
            'oifname != @bridges snat ip to ip saddr map @sources comment "the way out, by host_ipv4 or host_ipv6"',
            'ip saddr @masqueraded oifname != @bridges masquerade comment "the way out"',
            *([] if proxied else _hairpin()),
        ],
        "forward": [
            f'jump {USER_CHAIN} comment "your rules: the engine never changes them"',
            "ct state established,related accept",
            'ip saddr . ip daddr . meta l4proto . th dport @linked accept comment "links, where icc is off"',
            'iifname . oifname vmap @within comment "between containers of one network"',
            'iifname @internal drop comment "internal networks have no way out"',
            'oifname != @bridges accept comment "not for a container"',
            'ct status dnat accept comment "published ports"',
            'oifname @unprotected iifname != @bridges accept comment "gateway mode nat-unprotected"',
            'meta l4proto . ip daddr . th dport @open accept comment "published ports by the container\'s own address"',
            "iifname . oifname @trusted meta l4proto . ip daddr . th dport @direct accept "
            'comment "the same, by trusted_host_interfaces"',
            'oifname @routed meta l4proto { 1, 58 } accept comment "gateway mode routed"',
            *([f'meta mark {accept_mark} accept comment "--bridge-accept-fwmark"'] if accept_mark else []),
            'drop comment "ports that nobody published, and other networks\' containers"',
        ],
    }


def _rules6(accept_mark: str = "", *, proxied: bool) -> dict[str, list[str]]:
    """The same in IPv6, where no setting lets ::1 in from outside, or out."""
    rules = {chain: [_in_ipv6(rule) for rule in rules] for chain, rules in _rules(accept_mark, proxied=proxied).items()}
    lo = [rule.replace("fib", "ip6 daddr != ::1 fib") if not proxied else rule for rule in rules["output"]]
    return {**rules, "output": lo, "postrouting": [r for r in rules["postrouting"] if "loopback" not in r]}


def _in_ipv6(rule: str) -> str:
    for old, new in (
        ("127.0.0.0/8", "::1"),
        ("ip saddr", "ip6 saddr"),
        ("ip daddr", "ip6 daddr"),
        ("dnat ip to", "dnat ip6 to"),
        ("snat ip to", "snat ip6 to"),
    ):
        rule = rule.replace(old, new)
    return rule


def _hairpin() -> list[str]:
    """The answers must come back by way of the host."""
    return [
        'ip saddr 127.0.0.0/8 oifname @bridges masquerade comment "published ports by the host\'s loopback"',
        'ct status dnat ip saddr @masqueraded oifname @bridges masquerade comment "published ports by containers"',
    ]


def plan_add(table: str, elements: Iterable[Element]) -> str:
    return _change("add", table, [(e.family, e.container, e.text) for e in elements])


def plan_delete(table: str, elements: Iterable[Element]) -> str:
    return _change("delete", table, [(e.family, e.container, e.key) for e in elements])


def _change(verb: str, table: str, elements: Iterable[tuple[str, str, str]]) -> str:
    """One command for each set or map: nft is quick with thousands of elements, and slow with thousands of commands."""
    texts: dict[tuple[str, str], list[str]] = {}
    for family, container, text in elements:
        texts.setdefault((family, container), []).append(text)
    return "".join(
        f"{verb} element {family} {table} {container} {{ {', '.join(found)} }}\n"
        for (family, container), found in texts.items()
    )


def plan_removal(table: str) -> str:
    return "".join(f"add table {family} {table}\ndelete table {family} {table}\n" for family in ("ip", "ip6"))


def table_name(bridge: str, engine_id: str) -> str:
    """`seaway`, or with a default bridge other than dockerd's its name too: engines that share a network namespace
    have different bridges, and must not flush each other's rules."""
    if bridge == "docker0":
        return "seaway"
    return "seaway-" + re.sub(r"[^\w.-]", "_", engine_id[:8] if bridge == "none" else bridge, flags=re.ASCII)


def _elements(named: str, kind: str, elements: Sequence[Element]) -> list[str]:
    mine = [e.text for e in elements if e.container == named.partition(" ")[2]]
    if not mine:
        return []
    indent = ",\n\t\t\t     "
    return [f"\t{named} {{", f"\t\t{kind}", f"\t\telements = {{ {indent.join(mine)} }}", "\t}"]


def _chain(name: str, rules: Sequence[str]) -> list[str]:
    return [f"\tchain {name} {{", *(f"\t\t{rule}" for rule in rules), "\t}"]
