"""The firewall as an nftables table of the engine's own, in one transaction for each change."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path

from seaway.kernel import nft, nftwatch
from seaway.networks.firewall.elements import Element, bridges_of
from seaway.networks.firewall.ruleset import USER_CHAIN, plan_add, plan_delete, plan_removal, plan_ruleset
from seaway.networks.passage import Passage

IPV6 = Path("/proc/sys/net/ipv6")


class NftablesBackend:
    def __init__(self, table: str, *, proxied: bool, accept_mark: str = "") -> None:
        self._table, self._proxied, self._mark = table, proxied, _nft_mark(accept_mark)
        self._passage, self._bridges = Passage(table), frozenset[str]()
        self._only_others = False

    @property
    def owned(self) -> str:
        return f"nftables {self._table}"

    async def replace(self, elements: Sequence[Element]) -> None:
        await nft.apply(
            plan_ruleset(self._table, elements, proxied=self._proxied, ipv6=IPV6.exists(), accept_mark=self._mark)
        )
        self._bridges = bridges_of(elements)
        await self._passage.open(sorted(self._bridges))

    async def change(self, delete: Sequence[Element], add: Sequence[Element]) -> None:
        await nft.apply(plan_delete(self._table, delete) + plan_add(self._table, add))
        if (bridges := self._bridges - bridges_of(delete) | bridges_of(add)) != self._bridges:
            self._bridges = bridges
            await self._passage.open(sorted(bridges))

    async def remove(self) -> None:
        await nft.apply(plan_removal(self._table))
        await self._passage.open([])

    async def deletions(self) -> AsyncIterator[None]:
        """In our table, or in the others' chain that lets our bridges pass."""
        with nftwatch.watch(self._judge(nftwatch.Deletions(self._table, USER_CHAIN))) as watch:
            while True:
                await watch.wait_deleted()
                yield

    def _judge(self, own: nftwatch.Deletions) -> Callable[[bytes], bool]:
        def matters(data: bytes) -> bool:
            is_own, is_others = own(data), others(data)
            self._only_others = is_others and not is_own
            return is_own or is_others

        others = nftwatch.OthersChanges(["filter"], "FORWARD")
        return matters

    async def lacks(self, elements: Sequence[Element]) -> bool:
        """Of our own table the watch tells only what others have done."""
        return not self._only_others or await self._passage.is_missing()


def _nft_mark(text: str) -> str:
    """`1` or `0x1/0x3`, value and mask."""
    value, _, mask = text.partition("/")
    return f"and {mask} == {value}" if mask else value
