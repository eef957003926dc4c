"""`POST /volumes/prune`: remove what no container uses."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial

from seaway.base.errors import Conflict, EngineError
from seaway.base.filters import Filters
from seaway.volumes.driver import Volume
from seaway.volumes.selection import PRUNE_FILTERS, is_prunable
from seaway.volumes.size import volume_size
from seaway.volumes.store import VolumeStore

_KEY = "prune volumes"


@dataclass(frozen=True, slots=True)
class Pruned:
    volumes: tuple[Volume, ...]
    space_bytes: int


async def prune_volumes(store: VolumeStore, filters: Filters, users: Callable[[str], Collection[str]]) -> Pruned:
    """Anonymous volumes, and with the filter `all` those with a name too."""
    filters.validate(PRUNE_FILTERS)
    if store.locks.is_held(_KEY):
        raise Conflict("a prune operation is already running")
    removed, space_bytes = [], 0
    async with store.locks.hold(_KEY):
        for volume in store.all():
            if not is_prunable(volume, filters) or users(volume.name):
                continue
            size_bytes = await volume_size(volume)
            try:
                await store.remove(volume.name, partial(users, volume.name))
            except EngineError:  # in use or gone by now, or its driver could not; dockerd goes on too
                continue
            removed.append(volume)
            space_bytes += max(size_bytes, 0)
    return Pruned(tuple(removed), space_bytes)
