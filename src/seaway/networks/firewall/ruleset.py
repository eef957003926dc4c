"""The firewall as text for nft: one table of ours, and one transaction per change.

Published ports live in two maps, so their number costs nothing per packet: `published` for a bind of every address,
`published_on` for one of a single address, which wins. What they do not cover (127.0.0.1, [::1], a container that
calls the host) reaches the port proxy's socket.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

ANY_ADDRESS = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge network as the firewall sees it. `subnet` is CIDR text; `icc`: its containers may talk to each other;
    `internal`: and to nobody else."""

    name: str
    subnet: str
    masquerade: bool = True
    icc: bool = True
    internal: bool = False


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of the host that leads to a container's."""

    protocol: str
    host_ip: str
    host_port: int
    container_ip: str
    container_port: int

    @property
    def map_name(self) -> str:
        return "published" if self.host_ip == ANY_ADDRESS else "published_on"

    @property
    def key(self) -> str:
        address = "" if self.host_ip == ANY_ADDRESS else f"{self.host_ip} . "
        return f"{self.protocol} . {address}{self.host_port}"

    @property
    def element(self) -> str:
        return f"{self.key} : {self.container_ip} . {self.container_port}"

    @property
    def by_nft(self) -> bool:
        """Loopback traffic never leaves the host's stack, and the maps are IPv4's: the proxy has these."""
        return not self.host_ip.startswith("127.") and ":" not in self.host_ip


def plan_ruleset(table: str, bridges: Sequence[Bridge], ports: Iterable[PublishedPort] = ()) -> str:
    """The whole table, replacing whatever an earlier engine left."""
    published = sorted((p for p in ports if p.by_nft), key=lambda p: p.element)
    anywhere = [p.element for p in published if p.map_name == "published"]
    somewhere = [p.element for p in published if p.map_name == "published_on"]
    lines = [
        f"add table ip {table}",
        f"delete table ip {table}",
        f"table ip {table} {{",
        *_named("set bridges", "type ifname", [f'"{b.name}"' for b in bridges]),
        *_named("map published", "type inet_proto . inet_service : ipv4_addr . inet_service", anywhere),
        *_named("map published_on", "type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service", somewhere),
        *_chain(
            "publish",
            "",
            [
                "dnat ip to meta l4proto . ip daddr . th dport map @published_on",
                "dnat ip to meta l4proto . th dport map @published",
            ],
        ),
        *_chain(
            "guard",
            "type filter hook prerouting priority raw; policy accept;",
            # Only a host with route_localnet would let these in; ours then serves 127.0.0.1 to its neighbours.
            ['iifname != "lo" ip daddr 127.0.0.0/8 drop'],
        ),
        *_chain(
            "prerouting",
            "type nat hook prerouting priority dstnat; policy accept;",
            ["iifname != @bridges fib daddr type local jump publish"],
        ),
        *_chain(
            "output",
            "type nat hook output priority -100; policy accept;",
            ["ip daddr != 127.0.0.0/8 fib daddr type local jump publish"],
        ),
        *_chain(
            "postrouting",
            "type nat hook postrouting priority srcnat; policy accept;",
            [f'ip saddr {b.subnet} oifname != "{b.name}" masquerade' for b in bridges if b.masquerade],
        ),
        *_chain(
            "forward",
            "type filter hook forward priority filter; policy accept;",
            [
                *[f'iifname "{b.name}" oifname != "{b.name}" drop' for b in bridges if b.internal],
                "oifname != @bridges accept",
                "ct state established,related accept",
                *[f'iifname "{b.name}" oifname "{b.name}" {"accept" if b.icc else "drop"}' for b in bridges],
                "ct status dnat accept",
                "drop",
            ],
        ),
        "}",
    ]
    return "\n".join(lines) + "\n"


def plan_publish(table: str, ports: Iterable[PublishedPort]) -> str:
    return "".join(f"add element ip {table} {p.map_name} {{ {p.element} }}\n" for p in ports if p.by_nft)


def plan_unpublish(table: str, ports: Iterable[PublishedPort]) -> str:
    return "".join(f"delete element ip {table} {p.map_name} {{ {p.key} }}\n" for p in ports if p.by_nft)


def plan_removal(table: str) -> str:
    return f"add table ip {table}\ndelete table ip {table}\n"


def _named(what: str, kind: str, elements: Sequence[str]) -> list[str]:
    content = [f"\t\telements = {{ {', '.join(elements)} }}"] if elements else []
    return [f"\t{what} {{", f"\t\t{kind}", *content, "\t}"]


def _chain(name: str, hook: str, rules: Sequence[str]) -> list[str]:
    return [f"\tchain {name} {{", *(f"\t\t{line}" for line in (hook, *rules) if line), "\t}"]
