"""The volumes of this engine, whatever driver has their data. A name is unique among all drivers.

Commit point of `create`: the metadata's row. A directory without one (a crash, or dockerd made it) is a volume all
the same, with the options of its opts.json. Reads take no lock. Who uses a volume is derived from the containers,
so callers say it: `users` are container IDs, `in_use` are volume names.
"""

import os
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway.base.clock import format_time, now_ns
from seaway.base.errors import EngineError, NotFound
from seaway.base.filters import Filters
from seaway.base.ids import new_id
from seaway.base.locks import KeyedLocks
from seaway.kernel.worker import run_blocking
from seaway.volumes.copyup import copy_up
from seaway.volumes.driver import ANONYMOUS_LABEL, NoSuchVolume, Volume, VolumeDriver, VolumeInUse
from seaway.volumes.local import LocalDriver
from seaway.volumes.metadata import VolumeMetadata

LIST_FILTERS = ("dangling", "driver", "label", "name")
PRUNE_FILTERS = ("all", "label", "label!")


@dataclass(frozen=True, slots=True)
class Pruned:
    volumes: tuple[Volume, ...]
    space_bytes: int


class VolumeStore:
    def __init__(self, root: Path, drivers: Mapping[str, VolumeDriver] | None = None) -> None:
        local = LocalDriver(root / "volumes", root / "seaway" / "trash")
        self._drivers: dict[str, VolumeDriver] = {"local": local, **(drivers or {})}
        self._metadata = VolumeMetadata(root / "seaway" / "volumes.db")
        self._locks = KeyedLocks()
        self._volumes = {v.name: v for v in self._metadata.all() if v.driver != "local"}
        known = {v.name: v for v in self._metadata.all() if v.driver == "local"}
        for name in local.names():
            self._volumes[name] = known.get(name) or _found(local, name)

    async def create(
        self,
        name: str = "",
        driver: str = "",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
    ) -> Volume:
        """The volume of that name where there is one already. Without a name it is anonymous."""
        if not name:
            name, labels = new_id(), {**(labels or {}), ANONYMOUS_LABEL: ""}
        try:
            async with self._locks.hold(name):
                if (existing := self._volumes.get(name)) and driver in ("", existing.driver):
                    return existing
                return await self._create(name, driver or "local", options, labels)
        except EngineError as err:
            raise type(err)(f"create {name}: {err}") from err

    async def _create(
        self, name: str, driver: str, options: Mapping[str, str] | None, labels: Mapping[str, str] | None
    ) -> Volume:
        backend = self._driver(driver)
        if existing := self._volumes.get(name):
            raise VolumeInUse(
                f"driver '{existing.driver}' already has volume '{name}': volume name must be unique",
            )
        backend.validate(name, options or {})
        await run_blocking(backend.create, name, options or {})
        volume = Volume(
            name=name,
            driver=driver,
            mountpoint=str(backend.path(name)),
            created_at=_seconds(now_ns()),
            labels=None if labels is None else dict(labels),
            options=None if options is None else dict(options),
        )
        await run_blocking(self._metadata.put, volume)
        self._volumes[name] = volume
        return volume

    def get(self, name: str) -> Volume:
        try:
            return self._volumes[name]
        except KeyError:
            raise NoSuchVolume(name) from None

    def all(self) -> list[Volume]:
        return list(self._volumes.values())

    def list(self, filters: Filters, in_use: Collection[str]) -> "list[Volume]":
        filters.validate(LIST_FILTERS)
        found = [v for v in self.all() if _matches(v, filters)]
        if "dangling" in filters:
            wants_dangling = filters.flag("dangling")
            found = [v for v in found if (v.name not in in_use) == wants_dangling]
        return found

    async def remove(self, name: str, users: Collection[str] = (), *, force: bool = False) -> Volume | None:
        """The volume that was removed; with `force`, None where there was none."""
        async with self._locks.hold(name):
            if force and name not in self._volumes:
                return None
            volume = self.get(name)
            if users:
                raise VolumeInUse(f"remove {name}: volume is in use - [{', '.join(users)}]")
            await run_blocking(self._driver(volume.driver).remove, name)
            await run_blocking(self._metadata.delete, name)
            del self._volumes[name]
            return volume

    async def prune(self, filters: Filters, in_use: Collection[str]) -> Pruned:
        """Remove what no container uses: anonymous volumes, and with the filter `all` those with a name too."""
        filters.validate(PRUNE_FILTERS)
        everything = filters.flag("all")
        removed, space_bytes = [], 0
        for volume in self.all():
            labels = volume.labels or {}
            if volume.name in in_use or not (everything or volume.is_anonymous):
                continue
            if not filters.matches_labels("label", labels) or not filters.lacks_labels("label!", labels):
                continue
            size = await self.size_bytes(volume.name)
            if await self.remove(volume.name, force=True):
                removed.append(volume)
                space_bytes += size
        return Pruned(tuple(removed), space_bytes)

    async def mount(self, name: str, user: str) -> Path:
        """The directory to bind into the container `user`; `unmount` undoes it."""
        async with self._locks.hold(name):
            return await run_blocking(self._driver(self.get(name).driver).mount, name, user)

    async def unmount(self, name: str, user: str) -> None:
        async with self._locks.hold(name):
            if volume := self._volumes.get(name):
                await run_blocking(self._driver(volume.driver).unmount, name, user)

    async def copy_up(self, name: str, image_dir: Path) -> bool:
        """Fill an empty volume from a directory of the image; see `copyup`."""
        return await run_blocking(copy_up, image_dir, self._driver(self.get(name).driver).path(name))

    async def size_bytes(self, name: str) -> int:
        return await run_blocking(_tree_size, self._driver(self.get(name).driver).path(name))

    def _driver(self, name: str) -> VolumeDriver:
        try:
            return self._drivers[name]
        except KeyError:
            raise NotFound(f'error looking up volume plugin {name}: plugin "{name}" not found') from None


def _found(local: LocalDriver, name: str) -> Volume:
    path = local.path(name)
    created_at = _seconds(int(path.parent.stat().st_mtime) * 1_000_000_000)
    return Volume(name, "local", str(path), created_at, options=local.options(name))


def _matches(volume: Volume, filters: Filters) -> bool:
    return (
        filters.matches_exactly("driver", volume.driver)
        and filters.matches_labels("label", volume.labels or {})
        and (not filters.get("name") or any(_name_matches(volume.name, wanted) for wanted in filters.get("name")))
    )


def _name_matches(name: str, wanted: str) -> bool:
    try:
        return wanted in name or bool(re.search(wanted, name))
    except re.error:
        return False


def _seconds(ns: int) -> str:
    return format_time(ns // 1_000_000_000 * 1_000_000_000)


def _tree_size(path: Path) -> int:
    """The sum of its files' sizes; a file with several links counts once."""
    seen: set[tuple[int, int]] = set()
    total, stack = 0, [str(path)]
    while stack:
        try:
            entries = list(os.scandir(stack.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
                continue
            info = entry.stat(follow_symlinks=False)
            if (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size
    return total
