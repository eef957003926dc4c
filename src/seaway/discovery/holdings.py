"""What this engine has in the cluster store under its lease: there as long as the engine lives, and a little longer."""

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

from seaway.base.errors import EngineError
from seaway.discovery.messages import Absent, Change, Compare, Delete, Holds, Put

log = logging.getLogger(__name__)


class Store(Protocol):
    """The cluster, as far as it matters here. `lease` waits for a connection that is being made, and raises why there
    is none; `lease_now` is 0 then."""

    @property
    def lease_now(self) -> int: ...
    async def lease(self) -> int: ...
    async def commit(self, compares: Sequence[Compare], changes: Sequence[Change]) -> bool: ...
    def path(self, key: str) -> str: ...


class Holdings:
    """`entries` is what a new session puts into the store, whatever became of the last one's."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.entries: dict[str, str] = {}

    async def hold(self, entries: Mapping[str, str], compares: Sequence[Compare] = ()) -> bool:
        """Put these under this engine's lease, if they are free and `compares` is so; False if not. From then on
        they are put again whenever the lease has to be made anew."""
        lease, path = await self._store.lease(), self._store.path
        if self.entries.keys() & entries.keys():
            return False
        self.entries.update(entries)  # first, or a session that begins meanwhile takes them for leftovers
        held = False
        try:
            free = [Absent(path(key)) for key in entries]
            held = await self._store.commit([*compares, *free], [Put(path(k), v, lease) for k, v in entries.items()])
        finally:
            if not held:
                for key in entries:
                    self.entries.pop(key, None)
        return held

    def adopt(self, entries: Mapping[str, str]) -> None:
        """What an earlier engine held for containers that still run: the next session puts it."""
        self.entries.update(entries)

    async def renew(self, entries: Mapping[str, str]) -> None:
        """New values for what is held, or held from now on. Without a connection they wait for the next session."""
        self.entries.update(entries)
        if lease := self._store.lease_now:
            await self._try([], [Put(self._store.path(key), value, lease) for key, value in entries.items()])

    async def release(self, keys: Sequence[str]) -> None:
        """Never fails: what cannot be deleted now is, when there is a connection again."""
        for key in keys:
            value = self.entries.pop(key, None)
            if value is not None and self._store.lease_now:
                path = self._store.path(key)
                await self._try([Holds(path, value)], [Delete(path)])

    async def _try(self, compares: Sequence[Compare], changes: Sequence[Change]) -> None:
        try:
            await self._store.commit(compares, changes)
        except EngineError as failed:
            log.warning("%s", failed)
