"""The verbs of `/volumes`: the store's, with who uses what and Docker's events."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from seaway.base.filters import Filters
from seaway.engine.mounts import ContainerMounts
from seaway.engine.ports import Events
from seaway.volumes.driver import Volume
from seaway.volumes.prune import Pruned, prune_volumes
from seaway.volumes.size import volume_size


@dataclass(frozen=True, slots=True)
class VolumeUsage:
    """`size_bytes` is -1 where the data is not on this machine; `containers` are those whose record names it."""

    volume: Volume
    size_bytes: int
    containers: int


class VolumeVerbs:
    def __init__(self, mounts: ContainerMounts, events: Events) -> None:
        self._mounts, self._volumes, self._events = mounts, mounts.volumes, events

    async def matching(self, filters: Filters) -> tuple[list[Volume], list[str]]:
        """And what drivers complain about."""
        complaints = await self._volumes.discover()
        return self._volumes.matching(filters, self._mounts.users.in_use()), complaints

    async def inspect(self, name: str) -> dict[str, Any]:
        return await self._volumes.inspect(name)

    async def create(
        self,
        name: str,
        driver: str,
        options: Mapping[str, str] | None,
        labels: Mapping[str, str] | None,
        fill: Callable[[Path], None] | None = None,
    ) -> Volume:
        volume = await self._volumes.create(name, driver, options, labels, fill, partial(self._mounts.users.of, name))
        self._event("create", volume)  # of one that was there, too, as dockerd does
        return volume

    async def remove(self, name: str, *, force: bool = False) -> None:
        if removed := await self._volumes.remove(name, partial(self._mounts.users.of, name), force=force):
            self._event("destroy", removed)

    async def rename(self, name: str, new: str) -> Volume:
        renamed = await self._volumes.rename(name, new, partial(self._mounts.users.of, name))
        self._events.publish("volume", "rename", renamed.name, {"driver": renamed.driver, "oldName": name})
        return renamed

    async def prune(self, filters: Filters) -> Pruned:
        done = await prune_volumes(self._volumes, filters, self._mounts.users.of)
        for volume in done.volumes:
            self._event("destroy", volume)
        self._events.publish("volume", "prune", "", {"reclaimed": str(done.space_bytes)})
        return done

    async def usage(self) -> tuple[VolumeUsage, ...]:
        """For `system df`."""
        return tuple([await self._usage(volume) for volume in self._volumes.all() if volume.is_plain])

    async def _usage(self, volume: Volume) -> VolumeUsage:
        size_bytes = await volume_size(volume)
        return VolumeUsage(volume, size_bytes, len(self._mounts.users.of(volume.name)))

    def _event(self, action: str, volume: Volume) -> None:
        self._events.publish("volume", action, volume.name, {"driver": volume.driver})
