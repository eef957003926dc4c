"""Who is called what, on which network, and what a container sees of it. No input or output.

Names are compared without case. A network's records are its endpoints'; a view is one container's.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Record:
    """An endpoint: the first of `names` is what its addresses are called."""

    network: str
    network_name: str
    addresses: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A sandbox: its networks in order, and its own names for others (`links`: pairs of alias and name)."""

    networks: tuple[str, ...]
    links: tuple[tuple[str, str], ...] = ()


class Zone:
    """`generation` grows with every change: an answer made before it may be out of date."""

    def __init__(self) -> None:
        self.generation = 0
        self._records: dict[str, Record] = {}
        self._by_name: dict[tuple[str, str], dict[str, Record]] = {}
        self._by_address: dict[tuple[str, str], Record] = {}

    def replace(self, records: Mapping[str, Record]) -> None:
        for endpoint in list(self._records):
            self.leave(endpoint)
        for endpoint, record in records.items():
            self.join(endpoint, record)

    def join(self, endpoint: str, record: Record) -> None:
        self.leave(endpoint)
        self._records[endpoint] = record
        for key in _keys(record):
            self._by_name.setdefault(key, {})[endpoint] = record
        for address in record.addresses:
            self._by_address[record.network, address] = record

    def leave(self, endpoint: str) -> None:
        self.generation += 1
        record = self._records.pop(endpoint, None)
        if record is None:
            return
        for key in _keys(record):
            named = self._by_name.get(key, {})
            named.pop(endpoint, None)
            if not named:
                self._by_name.pop(key, None)
        for address in record.addresses:
            if self._by_address.get((record.network, address)) is record:
                del self._by_address[record.network, address]

    def addresses(self, view: View, name: str) -> list[str] | None:
        """Of the first network that knows the name, IPv4 and IPv6 alike; None where nobody is called that."""
        wanted = name.rstrip(".").lower()
        wanted = dict(view.links).get(wanted, wanted)
        return self._on(view.networks, wanted) or self._on_named_network(view, wanted)

    def name_of(self, view: View, address: str) -> str | None:
        """`web.shop`: the container's name and the network's."""
        for network in view.networks:
            if (record := self._by_address.get((network, address))) and record.names:
                return f"{record.names[0]}.{record.network_name}"
        return None

    def _on(self, networks: Iterable[str], name: str) -> list[str] | None:
        for network in networks:
            if found := self._by_name.get((network, name)):
                return [address for record in found.values() for address in record.addresses]
        return None

    def _on_named_network(self, view: View, name: str) -> list[str] | None:
        """`web.shop` asks for web on the network shop."""
        first, dot, network_name = name.rpartition(".")
        if not dot:
            return None
        for network in view.networks:
            found = self._by_name.get((network, first), {}).values()
            if addresses := [a for r in found if r.network_name.lower() == network_name for a in r.addresses]:
                return addresses
        return None


def _keys(record: Record) -> list[tuple[str, str]]:
    return [(record.network, name.lower()) for name in record.names]
