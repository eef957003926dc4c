"""The firewall as an nftables table of the engine's own, in one transaction for each change."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from seaway.kernel import nft, nftwatch
from seaway.networks.firewall.elements import Element
from seaway.networks.firewall.ruleset import USER_CHAIN, plan_add, plan_delete, plan_removal, plan_ruleset

IPV6 = Path("/proc/sys/net/ipv6")


class NftablesBackend:
    def __init__(self, table: str, *, proxied: bool) -> None:
        self._table, self._proxied = table, proxied

    @property
    def owned(self) -> str:
        return f"nftables {self._table}"

    async def replace(self, elements: Sequence[Element]) -> None:
        await nft.apply(plan_ruleset(self._table, elements, proxied=self._proxied, ipv6=IPV6.exists()))

    async def change(self, delete: Sequence[Element], add: Sequence[Element]) -> None:
        await nft.apply(plan_delete(self._table, delete) + plan_add(self._table, add))

    async def remove(self) -> None:
        await nft.apply(plan_removal(self._table))

    async def deletions(self) -> AsyncIterator[None]:
        with nftwatch.Watch(self._table, USER_CHAIN) as watch:
            while True:
                await watch.wait_deleted()
                yield
