"""Keeps the firewall as the model wants it, and puts it back when somebody else has flushed it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from seaway.base.errors import SystemFailure
from seaway.kernel.files import replace_file
from seaway.kernel.worker import run_blocking
from seaway.networks.firewall.elements import Element, bridges_of
from seaway.networks.firewalld import Firewalld
from seaway.networks.iptables import IptablesBackend
from seaway.networks.nftables import NftablesBackend

log = logging.getLogger(__name__)


class Backend(Protocol):
    """Carries elements into the kernel. `owned` is a word and a name, by which the next engine finds what this one
    left. What fails raises a SystemFailure and has changed nothing."""

    @property
    def owned(self) -> str: ...
    async def replace(self, elements: Sequence[Element]) -> None:
        """All of ours, in place of whatever an earlier engine left."""
        ...

    async def change(self, delete: Sequence[Element], add: Sequence[Element]) -> None: ...
    async def remove(self) -> None: ...
    def deletions(self) -> AsyncIterator[None]:
        """An item whenever somebody else may have removed rules of ours: `lacks` says whether it is so."""
        ...

    async def lacks(self, elements: Sequence[Element]) -> bool: ...


class Firewall:
    """`enabled` False: the administrator wants no rules of ours (`--iptables=false`), and every change is a no-op.
    `record` says what the last engine on this run root called its own, under whatever flags it ran. Without `ipv6`
    (`--ip6tables=false`) nothing of that family is ours."""

    def __init__(
        self,
        backend: Backend,
        *,
        enabled: bool = True,
        proxied: bool = True,
        ipv6: bool = True,
        record: Path | None = None,
    ) -> None:
        self._ipv6 = ipv6
        self._backend, self.enabled, self.proxied, self._record = backend, enabled, proxied, record
        self._elements: dict[tuple[str, str, str], Element] = {}
        self._turn, self._firewalld = asyncio.Lock(), Firewalld()

    async def install(self, elements: Iterable[Element]) -> None:
        """Replace what an earlier engine left."""
        self._elements = {_key(e): e for e in self._wanted(elements)}
        async with self._turn:
            await self._sweep()
            if not self.enabled:
                await _remove(self._backend)
                return
            await self._replace()
        await self._tell_firewalld()

    async def change(self, *, add: Iterable[Element] = (), delete: Iterable[Element] = ()) -> None:
        """One transaction. Where somebody has removed our rules, all of them come back with the change in them."""
        async with self._turn:
            gone = [e for e in delete if self._elements.pop(_key(e), None)]
            new = self._wanted(add)
            self._elements.update({_key(e): e for e in new})
            if not self.enabled or not (gone or new):
                return
            try:
                await self._backend.change(gone, new)
            except SystemFailure:
                await self._replace()
        if bridges_of((*gone, *new)):
            await self._tell_firewalld()

    async def _tell_firewalld(self) -> None:
        await self._firewalld.put(bridges_of(self._elements.values()))

    def _wanted(self, elements: Iterable[Element]) -> list[Element]:
        return [e for e in elements if self._ipv6 or e.family != "ip6"]

    async def withdraw(self, elements: Iterable[Element]) -> None:
        await self.change(delete=elements)

    async def watch(self) -> None:
        """Runs as long as the engine does."""
        if not self.enabled:
            return
        async for _ in self._backend.deletions():
            async with self._turn:
                try:
                    await self._put_back()
                except SystemFailure as failed:
                    log.error("rules of ours are not put back: %s", failed)

    async def follow_firewalld(self) -> None:
        """Runs as long as the engine does."""
        if self.enabled:
            await self._firewalld.follow()

    async def _put_back(self) -> None:
        if await self._backend.lacks(list(self._elements.values())):
            log.warning("somebody else removed rules of ours (%s): putting them back", self._backend.owned)
            await self._replace()

    async def _replace(self) -> None:
        await self._backend.replace(list(self._elements.values()))

    async def _sweep(self) -> None:
        """Other flags gave the last engine here another name or another kind of rules."""
        if self._record is None:
            return
        mine = self._backend.owned
        found = self._record.read_text().strip() if self._record.exists() else mine
        if found != mine:
            await _remove(backend_of(found))
        await run_blocking(replace_file, self._record, f"{mine}\n".encode())


def backend_of(owned: str, *, proxied: bool = True, accept_mark: str = "") -> Backend:
    """`nftables seaway`, `iptables seaway-br0`."""
    kind, _, table = owned.partition(" ")
    return _BACKENDS[kind](table, proxied=proxied, accept_mark=accept_mark)


_BACKENDS: Mapping[str, Callable[..., Backend]] = {"nftables": NftablesBackend, "iptables": IptablesBackend}


async def _remove(backend: Backend) -> None:
    try:
        await backend.remove()
    except SystemFailure as failed:
        log.debug("no %s here, and none wanted: %s", backend.owned, failed)


def _key(element: Element) -> tuple[str, str, str]:
    return element.family, element.container, element.key
