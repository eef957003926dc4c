"""What the firewall's sets and maps hold: bridge networks and published ports, each with a comment that says whose."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

ANY_ADDRESSES = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True)
class Element:
    """What `container` (a set or map) holds; `value` is a map's. The comment is for whoever reads the table."""

    container: str
    key: str
    value: str = ""
    comment: str = field(default="", compare=False)
    family: str = "ip"

    @property
    def text(self) -> str:
        comment = f' comment "{printable(self.comment)}"' if self.comment else ""
        return f"{self.key}{comment}{f' : {self.value}' if self.value else ''}"


def bridges_of(elements: Iterable[Element]) -> frozenset[str]:
    return frozenset(e.key.strip('"') for e in elements if e.container == "bridges")


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge network as the firewall sees it. `subnet` is CIDR text; `icc`: its containers may talk to each other;
    `internal`: and to nobody else; `unprotected`: others reach every port of theirs; `routed`: their addresses are
    known outside, and nothing is translated. Both by family, 4 or 6. `trusted`: devices of the host's by which its
    published ports may be called at the containers' own addresses. `source`, `source6`: what masqueraded containers
    call out from, in place of the address of the device that they leave by."""

    name: str
    subnet: str
    masquerade: bool = True
    icc: bool = True
    internal: bool = False
    unprotected: frozenset[int] = frozenset()
    routed: frozenset[int] = frozenset()
    network: str = ""
    subnet6: str = ""
    trusted: tuple[str, ...] = ()
    source: str = ""
    source6: str = ""

    def elements(self) -> list[Element]:
        of = f"network {self.network}" if self.network else ""
        device = f'"{self.name}"'
        translated = self.masquerade and bool(self.subnet) and 4 not in self.routed
        wanted = {
            "bridges": (device, "", True),
            "internal": (device, "", self.internal),
            "unprotected": (device, "", 4 in self.unprotected),
            "routed": (device, "", 4 in self.routed),
            "sources": (self.subnet, self.source, translated and bool(self.source)),
            "masqueraded": (self.subnet, "", translated),
            "within": (f"{device} . {device}", "accept" if self.icc else "drop", True),
        }
        found = [Element(where, key, value, of) for where, (key, value, wish) in wanted.items() if wish]
        found += [Element("trusted", f'"{name}" . {device}', "", of) for name in self.trusted]
        return [*found, *self._elements6(found, of)] if self.subnet6 else found

    def _elements6(self, elements: Sequence[Element], of: str) -> list[Element]:
        """The same bridges, and the other subnet."""
        same = [
            replace(e, family="ip6") for e in elements if e.container in ("bridges", "internal", "within", "trusted")
        ]
        device = f'"{self.name}"'
        translated = self.masquerade and 6 not in self.routed
        own = {
            "unprotected": (device, "", 6 in self.unprotected),
            "routed": (device, "", 6 in self.routed),
            "sources": (self.subnet6, self.source6, translated and bool(self.source6)),
            "masqueraded": (self.subnet6, "", translated),
        }
        return [*same, *(Element(where, key, value, of, "ip6") for where, (key, value, wish) in own.items() if wish)]


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of the host that leads to a container's. `host_port` 0: the container's own address is called, its network
    being routed."""

    protocol: str
    host_ip: str
    host_port: int
    container_ip: str
    container_port: int
    container: str = field(default="", compare=False)

    @property
    def is_routed(self) -> bool:
        return self.host_port == 0

    def open_element(self, container: str = "open") -> Element:
        """Whoever calls the container's own address is let in; in "direct" those by trusted devices."""
        family = "ip6" if ":" in self.container_ip else "ip"
        key = f"{self.protocol} . {self.container_ip} . {self.container_port}"
        return Element(container, key, "", self._comment, family)

    @property
    def family(self) -> str:
        return "ip6" if ":" in self.host_ip else "ip"

    def is_translated(self, *, proxied: bool) -> bool:
        """Loopback traffic is the proxy's, if there is one, and what changes its family, or comes by ::1, always."""
        if (":" in self.host_ip) != (":" in self.container_ip) or self.host_ip == "::1" or self.is_routed:
            return False
        return not (proxied and self.host_ip.startswith("127."))

    @property
    def _place(self) -> tuple[str, str]:
        return ("", "") if self.host_ip in ANY_ADDRESSES else ("_on", f"{self.host_ip} . ")

    def element(self) -> Element:
        suffix, address = self._place
        key, value = f"{self.protocol} . {address}{self.host_port}", f"{self.container_ip} . {self.container_port}"
        return Element(f"published{suffix}", key, value, self._comment, self.family)

    def range_element(self, last: int) -> Element:
        """From this one to the host's port `last`, each to the port of its own number."""
        suffix, address = self._place
        key = f"{self.protocol} . {address}{self.host_port}-{last}"
        return Element(f"ranges{suffix}", key, self.container_ip, self._comment, self.family)

    @property
    def _comment(self) -> str:
        return f"container {self.container}" if self.container else ""


@dataclass(frozen=True, slots=True)
class Link:
    """`--link` on a network without icc: a container may call this port of another one."""

    caller_ip: str
    container_ip: str
    protocol: str
    port: int
    caller: str = field(default="", compare=False)

    def element(self) -> Element:
        key = f"{self.caller_ip} . {self.container_ip} . {self.protocol} . {self.port}"
        return Element("linked", key, "", f"link of {self.caller}")


def bridge_elements(bridges: Iterable[Bridge]) -> list[Element]:
    return [element for bridge in bridges for element in bridge.elements()]


def port_elements(
    ports: Iterable[PublishedPort],
    *,
    proxied: bool = True,
    direct: bool = False,
    trusting: Callable[[str], bool] = lambda _: False,
) -> list[Element]:
    """Sorted, and without what the proxy serves. Neighbours that keep their numbers are one interval. `direct`: all
    may be called at the containers' own addresses, too; `trusting` the address: by trusted devices."""
    ports = list(ports)
    near = {p.open_element("direct"): None for p in ports if p.container_ip and trusting(p.container_ip)}
    elements = list(dict.fromkeys(p.open_element() for p in ports if p.container_ip and (direct or p.is_routed)) | near)
    mine = sorted((p for p in ports if p.is_translated(proxied=proxied)), key=_run_key)
    for _, run in groupby(enumerate(mine), lambda at: (*_run_key(at[1])[:-1], at[1].host_port - at[0])):
        first, *rest = (port for _, port in run)
        kept = first.host_port == first.container_port
        elements += (
            [first.range_element(rest[-1].host_port)] if rest and kept else [p.element() for p in (first, *rest)]
        )
    return sorted(elements, key=lambda e: (e.family, e.container, e.key))


def _run_key(port: PublishedPort) -> tuple[str, str, str, int, int]:
    offset = port.container_port - port.host_port
    return port.protocol, port.host_ip, port.container_ip, offset, port.host_port


def printable(text: str) -> str:
    """nft takes no quotes and no control characters in a comment, and 127 bytes at most."""
    plain = text.replace('"', "'").replace("\\", "/")
    return "".join(c if c.isprintable() else " " for c in plain).encode()[:120].decode(errors="ignore")
