"""The counters of the interfaces in a process's network namespace."""

from dataclasses import dataclass
from pathlib import Path

# The loopback, and the devices that some kernel modules put into every namespace.
_NOBODYS = frozenset("lo tunl0 sit0 ip6tnl0 ip_vti0 ip6_vti0 gre0 gretap0 erspan0 ip6gre0".split())  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class InterfaceCounters:
    rx_bytes: int
    rx_packets: int
    rx_errors: int
    rx_dropped: int
    tx_bytes: int
    tx_packets: int
    tx_errors: int
    tx_dropped: int


def read_interfaces(pid: int) -> dict[str, InterfaceCounters]:
    """Raises FileNotFoundError, ProcessLookupError."""
    return parse_interfaces(Path(f"/proc/{pid}/net/dev").read_text())


def parse_interfaces(table: str) -> dict[str, InterfaceCounters]:
    """The text of /proc/net/dev, without the interfaces that nobody made."""
    found = {}
    for line in table.splitlines()[2:]:
        name, _, counters = line.partition(":")
        numbers = [int(n) for n in counters.split()]
        if name.strip() not in _NOBODYS:
            found[name.strip()] = InterfaceCounters(*numbers[0:4], *numbers[8:12])
    return found
