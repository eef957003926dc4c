"""The rules of iptables that an element is. Pure; `iptables` puts them into chains."""

from dataclasses import dataclass

from seaway.networks.firewall.elements import Element, printable

DNAT = "-m conntrack --ctstate DNAT"


@dataclass(frozen=True, slots=True)
class Rule:
    """`chain` without the prefix; `at_head`: before what is there, else behind it."""

    table: str
    chain: str
    text: str
    at_head: bool = False


def rules_of(element: Element, *, proxied: bool) -> list[Rule]:
    """Whose element it is stands in a comment of each."""
    rules = _RULES[element.container](element, proxied=proxied)
    note = f' -m comment --comment "{printable(element.comment)}"' if element.comment else ""
    return [Rule(r.table, r.chain, r.text + note, r.at_head) for r in rules]


def _bridge(element: Element, *, proxied: bool) -> list[Rule]:
    device = element.key.strip('"')
    return [
        Rule("filter", "FWD", f"-o {device} -j TO", at_head=True),
        Rule("filter", "FWD", f"-i {device} -j FROM"),
        Rule("filter", "OTHER", f"-i {device} -j DROP"),
        Rule("nat", "POST", f"-o {device} -j RETURN", at_head=True),
        *([Rule("nat", "PRE", f"-i {device} -j RETURN", at_head=True)] if proxied else []),
    ]


def _internal(element: Element, *, proxied: bool) -> list[Rule]:
    return [Rule("filter", "INT", f"-i {element.key.strip(chr(34))} -j DROP")]


def _unprotected(element: Element, *, proxied: bool) -> list[Rule]:
    return [Rule("filter", "OPEN", f"-o {element.key.strip(chr(34))} -j ACCEPT")]


def _routed(element: Element, *, proxied: bool) -> list[Rule]:
    icmp = "ipv6-icmp" if element.family == "ip6" else "icmp"
    return [Rule("filter", "OPEN", f"-o {element.key.strip(chr(34))} -p {icmp} -j ACCEPT")]


def _open(element: Element, *, proxied: bool) -> list[Rule]:
    protocol, address, port = element.key.split(" . ")
    chain = "OPEN" if element.container == "open" else "DPORT"
    return [Rule("filter", chain, f"-d {address} -p {protocol} -m {protocol} --dport {port} -j ACCEPT")]


def _trusted(element: Element, *, proxied: bool) -> list[Rule]:
    source, target = (device.strip('"') for device in element.key.split(" . "))
    return [Rule("filter", "TRUST", f"-i {source} -o {target} -j DPORT")]


def _source(element: Element, *, proxied: bool) -> list[Rule]:
    """Before the network's "masqueraded", which is for its hairpins alone then."""
    return [Rule("nat", "POST", f"-s {element.key} -j SNAT --to-source {element.value}")]


def _masqueraded(element: Element, *, proxied: bool) -> list[Rule]:
    hairpin = [] if proxied else [Rule("nat", "HAIR", f"-s {element.key} {DNAT} -j MASQUERADE")]
    return [Rule("nat", "POST", f"-s {element.key} -j MASQUERADE"), *hairpin]


def _within(element: Element, *, proxied: bool) -> list[Rule]:
    source, target = (device.strip('"') for device in element.key.split(" . "))
    return [Rule("filter", "NET", f"-i {source} -o {target} -j {element.value.upper()}")]


def _linked(element: Element, *, proxied: bool) -> list[Rule]:
    source, target, protocol, port = element.key.split(" . ")
    text = f"-s {source} -d {target} -p {protocol} -m {protocol} --dport {port} -j ACCEPT"
    return [Rule("filter", "NET", text, at_head=True)]


def _published(element: Element, *, proxied: bool) -> list[Rule]:
    """A bind of one address goes before those of all."""
    protocol, *address, port = element.key.split(" . ")
    to = element.value.split(" . ")
    target = to[0] if len(to) == 1 else f"[{to[0]}]:{to[1]}" if ":" in to[0] else f"{to[0]}:{to[1]}"
    on = f" -d {address[0]}" if address else ""
    text = f"-p {protocol}{on} -m {protocol} --dport {port.replace('-', ':')} -j DNAT --to-destination {target}"
    return [Rule("nat", "PORTS", text, at_head=bool(address))]


_RULES = {
    "bridges": _bridge,
    "internal": _internal,
    "unprotected": _unprotected,
    "routed": _routed,
    "open": _open,
    "direct": _open,
    "trusted": _trusted,
    "sources": _source,
    "masqueraded": _masqueraded,
    "within": _within,
    "linked": _linked,
    **dict.fromkeys(("published", "published_on", "ranges", "ranges_on"), _published),
}
