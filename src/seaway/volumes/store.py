"""The volumes of this engine, whatever driver has their data. A name is unique among all drivers.

Commit point of a local volume's `create` and `remove`: the rename of its directory. Reads take no lock. Who uses a
volume is derived from the containers, so callers say it: `users` gives container IDs, `in_use` are volume names.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from seaway.base.errors import EngineError, NotImplementedByEngine
from seaway.base.failpoints import failpoint
from seaway.base.filters import Filters
from seaway.base.ids import new_id
from seaway.base.locks import KeyedLocks
from seaway.kernel.worker import run_blocking
from seaway.plugins.discovery import PluginDirectories
from seaway.volumes.discover import discover, is_there
from seaway.volumes.driver import ANONYMOUS_LABEL, LOCAL, InvalidVolume, NoSuchVolume, Volume, VolumeDriver, VolumeInUse
from seaway.volumes.drivers import VolumeDrivers
from seaway.volumes.mounts import VolumeMounts
from seaway.volumes.records import VolumeRecords, second_now
from seaway.volumes.selection import LIST_FILTERS, matches

Users = Callable[[], Collection[str]]
UNIQUE = "volume name must be unique"


def nobody() -> Collection[str]:
    return ()


class VolumeStore:
    def __init__(
        self,
        root: Path,
        drivers: Mapping[str, VolumeDriver] | None = None,
        plugins: PluginDirectories | None = None,
        owner: tuple[int, int] = (0, 0),
    ) -> None:
        """A new local volume belongs to `owner`."""
        self.drivers = VolumeDrivers(root, drivers, plugins, owner)
        self._records = VolumeRecords(root / "seaway" / "volumes.db", self.drivers.local)
        self.locks = KeyedLocks()
        self.mounts = VolumeMounts(self.drivers, self.get, self.locks)

    def find(self, name: str) -> Volume | None:
        return self._records.find(name)

    def get(self, name: str) -> Volume:
        """Raises NoSuchVolume."""
        return self._records.get(name)

    def all(self) -> list[Volume]:
        return self._records.all()

    def matching(self, filters: Filters, in_use: Collection[str]) -> list[Volume]:
        filters.validate(LIST_FILTERS)
        return [v for v in self.all() if matches(v, filters, used=v.name in in_use)]

    async def create(
        self,
        name: str = "",
        driver: str = "",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        fill: Callable[[Path], None] | None = None,
        users: Users = nobody,
    ) -> Volume:
        """The volume of that name where there is one already. Without a name it is anonymous. `fill` gives a new one of
        the local driver its contents before it is there."""
        if not name:
            name, labels = new_id(), {**(labels or {}), ANONYMOUS_LABEL: ""}
        try:
            async with self.locks.hold(name):
                existing = await self._existing(name, driver, users)
                return existing or await self._create(name, driver or LOCAL, options, labels, fill)
        except EngineError as err:
            raise type(err)(f"create {name}: {err}") from err

    async def _existing(self, name: str, driver: str, users: Users) -> Volume | None:
        volume = self.find(name)
        if volume is None:
            return None
        if driver not in ("", volume.driver):
            await run_blocking(self.drivers.get, driver)
            raise VolumeInUse(f"driver '{volume.driver}' already has volume '{name}': {UNIQUE}")
        if await is_there(self.drivers, volume):
            return volume
        if users():
            raise VolumeInUse(
                f"found references to volume '{name}' in driver '{volume.driver}' but the volume was not found in the "
                "driver -- you may need to remove containers referencing this volume or force remove the volume to "
                f"re-create it: {UNIQUE}"
            )
        await self._records.forget(name)
        return None

    async def _create(
        self,
        name: str,
        driver: str,
        options: Mapping[str, str] | None,
        labels: Mapping[str, str] | None,
        fill: Callable[[Path], None] | None,
    ) -> Volume:
        backend = await run_blocking(self.drivers.get, driver)
        backend.validate(name, options or {})
        volume = Volume(
            name=name,
            driver=driver,
            mountpoint="",
            created_at=second_now(),
            labels=None if labels is None else dict(labels),
            options=None if options is None else dict(options),
            scope=backend.scope,
        )
        if driver == LOCAL:
            volume = structs.replace(volume, mountpoint=self.drivers.local.path(name))
            await self._create_local(volume, fill)
        else:
            await run_blocking(backend.create, name, options or {})
            volume = structs.replace(volume, mountpoint=await run_blocking(backend.path, name))
            await self._records.write(volume)
        self._records.show(volume)
        return volume

    async def _create_local(self, volume: Volume, fill: Callable[[Path], None] | None) -> None:
        await self._records.write(volume)
        try:
            await run_blocking(self.drivers.local.create, volume.name, volume.options or {}, fill)
        except BaseException:
            await self._records.forget(volume.name)
            raise

    async def discover(self) -> list[str]:
        """What drivers have beside what was made here is known afterwards. Returns their complaints."""
        return await discover(self.drivers, self._records)

    async def inspect(self, name: str) -> dict[str, Any]:
        """As clients see it, with what its driver says of it."""
        if self.find(name) is None:
            await self.discover()
        volume = self.get(name)
        if volume.driver == LOCAL:
            return volume.to_wire()
        if not await is_there(self.drivers, volume):
            raise NoSuchVolume(name)
        backend = await run_blocking(self.drivers.get, volume.driver)
        status = await run_blocking(backend.status, name)
        wire = volume.to_wire() | {"Mountpoint": await run_blocking(backend.path, name)}
        return wire | ({"Status": status} if status else {})

    async def remove(self, name: str, users: Users = nobody, *, force: bool = False) -> Volume | None:
        """The volume that was removed; with `force`, None where there was none. `users` is asked under the lock."""
        async with self.locks.hold(name):
            if force and self.find(name) is None:
                return None
            volume = self.get(name)
            if using := users():
                raise VolumeInUse(f"remove {name}: volume is in use - [{', '.join(sorted(using))}]")
            await self._remove(volume, force=force)
            return volume

    async def _remove(self, volume: Volume, *, force: bool) -> None:
        """With `force` a driver that is gone, or fails, does not keep the volume."""
        try:
            backend = await run_blocking(self.drivers.get, volume.driver)
            await run_blocking(backend.remove, volume.name)
        except EngineError as err:
            if not force:
                raise type(err)(f"remove {volume.name}: {err}") from err
        failpoint("volume: directory gone")
        await self._records.forget(volume.name)

    async def rename(self, name: str, new: str, users: Users = nobody) -> Volume:
        """Commit point: the rename of the directory; a row without one means nothing."""
        if name == new:
            raise InvalidVolume("Renaming a volume with the same name as its current name")
        first, second = sorted((name, new))
        async with self.locks.hold(first), self.locks.hold(second):
            volume = self.get(name)
            if volume.driver != LOCAL:
                raise NotImplementedByEngine(f"rename {name}: the driver {volume.driver} cannot rename volumes")
            self.drivers.local.validate(new, {})
            if self.find(new):
                raise VolumeInUse(f"rename {name}: a volume named {new} already exists")
            if using := users():
                raise VolumeInUse(f"rename {name}: volume is in use - [{', '.join(sorted(using))}]")
            renamed = structs.replace(volume, name=new, mountpoint=self.drivers.local.path(new))
            await self._records.write(renamed)
            failpoint("volume rename: row written")
            await run_blocking(self.drivers.local.rename, name, new)
            failpoint("volume rename: directory renamed")
            await self._records.forget(name)
            self._records.show(renamed)
            return renamed
