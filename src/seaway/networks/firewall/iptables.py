"""The firewall as text for iptables-restore, for hosts without nftables: the same decisions as `ruleset`, in chains of
the engine's own. There are no sets here, so an element is a rule or two, and a connection's first packet pays for their
number.

`DOCKER-USER` is the administrator's chain, as under dockerd: it is made where it is missing, and never flushed.
"""

from collections.abc import Iterable, Mapping, Sequence

from seaway.networks.firewall.elements import Element
from seaway.networks.firewall.rules import DNAT, rules_of

USER_CHAIN = "DOCKER-USER"
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
    chains = _all_rules(family, elements, accept_mark, proxied=proxied)
    tables: dict[str, list[str]] = {}
    for table, chain in chains:
        tables.setdefault(table, []).append(f":{prefix}-{chain} - [0:0]")
    for (table, chain), texts in chains.items():
        tables[table] += [f"-A {prefix}-{chain} {_jumping(prefix, text)}" for text in texts]
    return _text(tables)


def _all_rules(
    family: str, elements: Iterable[Element], accept_mark: str = "", *, proxied: bool
) -> dict[tuple[str, str], list[str]]:
    chains = _chains(family, accept_mark, proxied=proxied)
    for rule in (r for e in elements if e.family == family for r in rules_of(e, proxied=proxied)):
        found = chains[rule.table, rule.chain]
        found.insert(0 if rule.at_head else len(found), rule.text)
    return chains


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


def find_missing(prefix: str, family: str, elements: Iterable[Element], listing: str, *, proxied: bool) -> list[str]:
    """Our chains that lack rules, and those of the kernel's that do not lead to ours, by what iptables-save says.

    The programs write rules in their own way, so they are counted, not compared."""
    counts: dict[str, int] = {}
    table = ""
    for line in listing.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith("-A "):
            key = f"{table} {line.split()[1]}"
            counts[key] = counts.get(key, 0) + 1
            counts[f"{table} {line[3:]}"] = 1
    wanted = {f"{table} {builtin} -j {prefix}-{chain}": 1 for table, builtin, chain in HOOKS}
    for (table, chain), rules in _all_rules(family, elements, proxied=proxied).items():
        wanted[f"{table} {prefix}-{chain}"] = len(rules)
    return [where for where, count in wanted.items() if counts.get(where, 0) < count]


def plan_removal(prefix: str, family: str) -> str:
    """Once nothing leads to them any more."""
    tables: dict[str, list[str]] = {}
    for table, chain in _chains(family, proxied=True):
        tables.setdefault(table, []).append(f":{prefix}-{chain} - [0:0]")
    for table, chain in _chains(family, proxied=True):
        tables[table].append(f"-X {prefix}-{chain}")
    return _text(tables)


def _jumping(prefix: str, text: str) -> str:
    """The chains of `text` that are ours have the prefix, too."""
    matches, _, action = f" {text}".rpartition(" -j ")
    target, space, rest = action.partition(" ")
    named = f"{prefix}-{target}" if target in _OURS else target
    return f"{matches} -j {named}{space}{rest}".strip()


def _text(tables: Mapping[str, Sequence[str]]) -> str:
    return "".join(f"*{table}\n{chr(10).join(lines)}\nCOMMIT\n" for table, lines in tables.items() if lines)
