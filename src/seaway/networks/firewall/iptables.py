"""The firewall as text for iptables-restore, for hosts without nftables: the same decisions as `ruleset`, in chains of
the engine's own. There are no sets here, so an element is a rule or two, and a connection's first packet pays for their
number.

`DOCKER-USER` is the administrator's chain, as under dockerd: it is made where it is missing, and never flushed.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from seaway.networks.firewall.elements import Element, printable

USER_CHAIN = "DOCKER-USER"
DNAT = "-m conntrack --ctstate DNAT"
LOCAL = "-m addrtype --dst-type LOCAL"
ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"
HOOKS = (
    ("raw", "PREROUTING", "GUARD"),
    ("nat", "PREROUTING", "PRE"),
    ("nat", "OUTPUT", "OUT"),
    ("nat", "POSTROUTING", "POST"),
    ("nat", "POSTROUTING", "HAIR"),
    ("filter", "FORWARD", "FWD"),
)
"""(table, the kernel's chain, ours), from the last of them in the kernel's chain to the first."""
PROGRAMS = {"ip": "iptables", "ip6": "ip6tables"}
LOOPBACK = {"ip": "127.0.0.0/8", "ip6": "::1/128"}


@dataclass(frozen=True, slots=True)
class Rule:
    """`chain` without the prefix; `at_head`: before what is there, else behind it."""

    table: str
    chain: str
    text: str
    at_head: bool = False


def chain_prefix(table: str) -> str:
    """`SEAWAY`, or `SEAWAY-br0`: with the longest name of a bridge a chain has the 28 letters that iptables takes."""
    return "SEAWAY" + table.removeprefix("seaway")


def _chains(family: str, accept_mark: str = "", *, proxied: bool) -> dict[tuple[str, str], list[str]]:
    """Ours, and the rules that are always in them. Elements go before or behind these."""
    loopback = LOOPBACK[family]
    return {
        ("raw", "GUARD"): [f'! -i lo -d {loopback} -j DROP -m comment --comment "loopback addresses from outside"'],
        ("nat", "PRE"): [f"{LOCAL} -j PORTS"],
        ("nat", "OUT"): [f"{f'! -d {loopback} ' if proxied or family == 'ip6' else ''}{LOCAL} -j PORTS"],
        ("nat", "PORTS"): [],
        ("nat", "HAIR"): [] if proxied else [f"-s {loopback} {DNAT} -j MASQUERADE"],
        ("nat", "POST"): [],
        ("filter", "FWD"): [],
        ("filter", "TO"): [
            ESTABLISHED,
            "-j NET",
            "-j INT",
            f'{DNAT} -j ACCEPT -m comment --comment "published ports"',
            "-j OTHER",
            "-j OPEN",
            "-j TRUST",
            *([f"-m mark --mark {accept_mark} -j ACCEPT"] if accept_mark else []),
            '-j DROP -m comment --comment "ports that nobody published"',
        ],
        ("filter", "FROM"): [ESTABLISHED, "-j INT", "-j ACCEPT"],
        ("filter", "NET"): [],
        ("filter", "INT"): [],
        ("filter", "OTHER"): [],
        ("filter", "OPEN"): [],
        ("filter", "TRUST"): [],
        ("filter", "DPORT"): [],
    }


_OURS = frozenset(chain for _, chain in _chains("ip", proxied=True))


def plan_restore(
    prefix: str, family: str, elements: Iterable[Element], *, proxied: bool = True, accept_mark: str = ""
) -> str:
    """All of our chains, in place of whatever an earlier engine left in them."""
    chains = _chains(family, accept_mark, proxied=proxied)
    for element in elements:
        if element.family == family:
            for rule in rules_of(element, proxied=proxied):
                found = chains[rule.table, rule.chain]
                found.insert(0 if rule.at_head else len(found), rule.text)
    tables: dict[str, list[str]] = {}
    for table, chain in chains:
        tables.setdefault(table, []).append(f":{prefix}-{chain} - [0:0]")
    for (table, chain), texts in chains.items():
        tables[table] += [f"-A {prefix}-{chain} {_jumping(prefix, text)}" for text in texts]
    return _text(tables)


def plan_change(
    prefix: str, family: str, delete: Iterable[Element], add: Iterable[Element], *, proxied: bool = True
) -> str:
    tables: dict[str, list[str]] = {}
    for verb, elements in (("-D", delete), ("-A", add)):
        for rule in (r for e in elements if e.family == family for r in rules_of(e, proxied=proxied)):
            how = "-I" if verb == "-A" and rule.at_head else verb
            line = f"{how} {prefix}-{rule.chain} {_jumping(prefix, rule.text)}"
            tables.setdefault(rule.table, []).append(line)
    return _text(tables)


def plan_removal(prefix: str, family: str) -> str:
    """Once nothing leads to them any more."""
    tables: dict[str, list[str]] = {}
    for table, chain in _chains(family, proxied=True):
        tables.setdefault(table, []).append(f":{prefix}-{chain} - [0:0]")
    for table, chain in _chains(family, proxied=True):
        tables[table].append(f"-X {prefix}-{chain}")
    return _text(tables)


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
    "masqueraded": _masqueraded,
    "within": _within,
    "linked": _linked,
    **dict.fromkeys(("published", "published_on", "ranges", "ranges_on"), _published),
}


def _jumping(prefix: str, text: str) -> str:
    """The chains of `text` that are ours have the prefix, too."""
    matches, _, action = f" {text}".rpartition(" -j ")
    target, space, rest = action.partition(" ")
    named = f"{prefix}-{target}" if target in _OURS else target
    return f"{matches} -j {named}{space}{rest}".strip()


def _text(tables: Mapping[str, Sequence[str]]) -> str:
    return "".join(f"*{table}\n{chr(10).join(lines)}\nCOMMIT\n" for table, lines in tables.items() if lines)
