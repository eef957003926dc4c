"""Keeps our nftables table as the model wants it, and puts it back when somebody else has flushed it."""

import asyncio
import logging
from collections.abc import Iterable

from seaway.kernel import nft, nftwatch
from seaway.networks.firewall.elements import Element
from seaway.networks.firewall.ruleset import USER_CHAIN, plan_add, plan_delete, plan_removal, plan_ruleset

log = logging.getLogger(__name__)


class Firewall:
    """`enabled` False: the administrator wants no rules of ours (`--iptables=false`), and every change is a no-op."""

    def __init__(self, table: str, *, enabled: bool = True, proxied: bool = True) -> None:
        self.table, self.enabled, self.proxied = table, enabled, proxied
        self._elements: dict[tuple[str, str, str], Element] = {}
        self._turn = asyncio.Lock()

    async def install(self, elements: Iterable[Element]) -> None:
        """Replace what an earlier engine left."""
        self._elements = {_key(e): e for e in elements}
        async with self._turn:
            if self.enabled:
                await self._replace()
            else:
                await self._remove()

    async def change(self, *, add: Iterable[Element] = (), delete: Iterable[Element] = ()) -> None:
        """One transaction. Where somebody has removed our table, all of it comes back with the change in it."""
        gone = [e for e in delete if self._elements.pop(_key(e), None)]
        new = list(add)
        self._elements.update({_key(e): e for e in new})
        if not self.enabled:
            return
        async with self._turn:
            try:
                await nft.apply(plan_delete(self.table, gone) + plan_add(self.table, new))
            except nft.FirewallFailed:
                await self._replace()

    async def withdraw(self, elements: Iterable[Element]) -> None:
        await self.change(delete=elements)

    async def watch(self) -> None:
        """Runs as long as the engine does."""
        if not self.enabled:
            return
        with nftwatch.Watch(self.table, USER_CHAIN) as watch:
            while True:
                await watch.wait_deleted()
                log.warning("somebody else removed rules from the nftables table %s: putting them back", self.table)
                async with self._turn:
                    await self._replace()

    async def _replace(self) -> None:
        """The text is made with the turn held, so that it has the latest change of every waiter in it."""
        await nft.apply(plan_ruleset(self.table, list(self._elements.values()), proxied=self.proxied))

    async def _remove(self) -> None:
        try:
            await nft.apply(plan_removal(self.table))
        except nft.FirewallFailed as failed:
            log.debug("no nftables here, and none wanted: %s", failed)


def _key(element: Element) -> tuple[str, str, str]:
    return element.family, element.container, element.key
