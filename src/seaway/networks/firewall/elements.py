"""What the firewall's sets and maps hold: bridge networks and published ports, each with a comment that says whose."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

ANY_ADDRESS = "0.0.0.0"


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


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge network as the firewall sees it. `subnet` is CIDR text; `icc`: its containers may talk to each other;
    `internal`: and to nobody else; `unprotected`: others reach every port of theirs."""

    name: str
    subnet: str
    masquerade: bool = True
    icc: bool = True
    internal: bool = False
    unprotected: bool = False
    network: str = ""
    subnet6: str = ""

    def elements(self) -> list[Element]:
        of = f"network {self.network}" if self.network else ""
        device = f'"{self.name}"'
        wanted = {
            "bridges": (device, "", True),
            "internal": (device, "", self.internal),
            "unprotected": (device, "", self.unprotected),
            "masqueraded": (self.subnet, "", self.masquerade and bool(self.subnet)),
            "within": (f"{device} . {device}", "accept" if self.icc else "drop", True),
        }
        found = [Element(where, key, value, of) for where, (key, value, wish) in wanted.items() if wish]
        return [*found, *self._elements6(found, of)] if self.subnet6 else found

    def _elements6(self, elements: Sequence[Element], of: str) -> list[Element]:
        """The same bridges, and the other subnet."""
        same = [replace(e, family="ip6") for e in elements if e.container != "masqueraded"]
        return [*same, *([Element("masqueraded", self.subnet6, "", of, "ip6")] if self.masquerade else [])]


@dataclass(frozen=True, slots=True)
class PublishedPort:
    """A port of the host that leads to a container's."""

    protocol: str
    host_ip: str
    host_port: int
    container_ip: str
    container_port: int
    container: str = field(default="", compare=False)

    @property
    def by_nft(self) -> bool:
        """Loopback traffic never leaves the host's stack, and the maps are IPv4's: the proxy has these."""
        return not self.host_ip.startswith("127.") and ":" not in self.host_ip

    def element(self) -> Element:
        where, address = ("published", "") if self.host_ip == ANY_ADDRESS else ("published_on", f"{self.host_ip} . ")
        key, value = f"{self.protocol} . {address}{self.host_port}", f"{self.container_ip} . {self.container_port}"
        return Element(where, key, value, f"container {self.container}" if self.container else "")


def bridge_elements(bridges: Iterable[Bridge]) -> list[Element]:
    return [element for bridge in bridges for element in bridge.elements()]


def port_elements(ports: Iterable[PublishedPort], *, proxied: bool = True) -> list[Element]:
    """Sorted, and without what the proxy serves."""
    mine = (p for p in ports if p.by_nft or (not proxied and ":" not in p.host_ip))
    return sorted((p.element() for p in mine), key=lambda e: (e.container, e.key))


def printable(text: str) -> str:
    """nft takes no quotes in a comment, and 127 bytes at most."""
    return text.replace('"', "'").replace("\\", "/").replace("\n", " ")[:120]
