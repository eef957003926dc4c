"""`--link` on a default bridge without icc: which containers may call which ports of others, in the firewall."""

from collections.abc import Collection, Iterable

from seaway.networks.firewall.elements import Link
from seaway.networks.table import Firewall


class Links:
    def __init__(self, firewall: Firewall) -> None:
        self._firewall = firewall
        self._open: dict[str, frozenset[Link]] = {}

    async def open(self, container_id: str, links: Iterable[Link]) -> None:
        """These, in place of the container's former ones."""
        old, new = self._open.get(container_id, frozenset()), frozenset(links)
        self._open[container_id] = new
        await self._firewall.change(
            delete=[link.element() for link in old - new], add=[link.element() for link in new - old]
        )

    def forget(self, container_id: str, addresses: Collection[str]) -> list[Link]:
        """Those of a container that ends, and others' to it: its address is somebody else's soon. The caller closes
        them."""
        gone = {*self._open.pop(container_id, ())}
        for caller, links in self._open.items():
            ended = {link for link in links if link.container_ip in addresses}
            self._open[caller] = links - ended
            gone |= ended
        return list(gone)

    async def close(self, links: Iterable[Link]) -> None:
        await self._firewall.withdraw([link.element() for link in links])
