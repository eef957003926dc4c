"""The volumes of this engine, whatever driver has their data. A name is unique among all drivers.

Commit point of a local volume's `create` and `remove`: the rename of its directory; a row of the metadata without one
means nothing, a directory without a row (dockerd made it) is a volume all the same, with the options of its opts.json.
Other drivers' volumes are there when their row is. Reads take no lock. Who uses a volume is derived from the
containers, so callers say it: `users` gives container IDs, `in_use` are volume names.
"""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any

from msgspec import structs

from seaway.base.clock import format_time, now_ns
from seaway.base.errors import EngineError, NotImplementedByEngine, SystemFailure
from seaway.base.failpoints import failpoint
from seaway.base.filters import Filters
from seaway.base.ids import new_id
from seaway.base.locks import KeyedLocks
from seaway.kernel.worker import run_blocking
from seaway.plugins.discovery import PluginDirectories
from seaway.volumes import copyup
from seaway.volumes.driver import ANONYMOUS_LABEL, InvalidVolume, NoSuchVolume, Volume, VolumeDriver, VolumeInUse
from seaway.volumes.drivers import VolumeDrivers
from seaway.volumes.local import LocalDriver
from seaway.volumes.metadata import VolumeMetadata
from seaway.volumes.selection import LIST_FILTERS, PRUNE_FILTERS, Pruned, is_prunable, matches
from seaway.volumes.size import tree_size

Users = Callable[[], Collection[str]]


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
        self._metadata = VolumeMetadata(root / "seaway" / "volumes.db")
        self._locks = KeyedLocks()
        self._users: dict[str, set[str]] = {}
        known = {v.name: v for v in self._metadata.all()}
        self._volumes = {v.name: v for v in known.values() if v.driver != "local"}
        local = self.drivers.local
        for name in {v.name for v in known.values() if v.driver == "local"} - set(local.names()):
            self._metadata.delete(name)
        for name in local.names():
            copyup.remove_leftover(local.directory(name))
            self._volumes[name] = known.get(name) or _found(local, name)

    async def create(
        self,
        name: str = "",
        driver: str = "",
        options: Mapping[str, str] | None = None,
        labels: Mapping[str, str] | None = None,
        fill: Callable[[Path], None] | None = None,
    ) -> Volume:
        """The volume of that name where there is one already. Without a name it is anonymous. `fill` gives a new one of
        the local driver its contents before it is there."""
        if not name:
            name, labels = new_id(), {**(labels or {}), ANONYMOUS_LABEL: ""}
        try:
            async with self._locks.hold(name):
                if (existing := self._volumes.get(name)) and driver in ("", existing.driver):
                    return existing
                return await self._create(name, driver or "local", options, labels, fill)
        except EngineError as err:
            raise type(err)(f"create {name}: {err}") from err

    async def _create(
        self,
        name: str,
        driver: str,
        options: Mapping[str, str] | None,
        labels: Mapping[str, str] | None,
        fill: Callable[[Path], None] | None,
    ) -> Volume:
        backend = await run_blocking(self.drivers.get, driver)
        if existing := self._volumes.get(name):
            raise VolumeInUse(
                f"driver '{existing.driver}' already has volume '{name}': volume name must be unique",
            )
        backend.validate(name, options or {})
        volume = Volume(
            name=name,
            driver=driver,
            mountpoint="",
            created_at=_seconds(now_ns()),
            labels=None if labels is None else dict(labels),
            options=None if options is None else dict(options),
            scope=backend.scope,
        )
        if driver == "local":
            volume = structs.replace(volume, mountpoint=self.drivers.local.path(name))
            await self._create_local(volume, fill)
        else:
            await run_blocking(backend.create, name, options or {})
            volume = structs.replace(volume, mountpoint=await run_blocking(backend.path, name))
            await run_blocking(self._metadata.put, volume)
        self._volumes[name] = volume
        return volume

    async def _create_local(self, volume: Volume, fill: Callable[[Path], None] | None) -> None:
        await run_blocking(self._metadata.put, volume)
        try:
            await run_blocking(self.drivers.local.create, volume.name, volume.options or {}, fill)
        except BaseException:
            await run_blocking(self._metadata.delete, volume.name)
            raise

    def find(self, name: str) -> Volume | None:
        return self._volumes.get(name)

    def get(self, name: str) -> Volume:
        try:
            return self._volumes[name]
        except KeyError:
            raise NoSuchVolume(name) from None

    def all(self) -> list[Volume]:
        return list(self._volumes.values())

    async def discover(self) -> list[str]:
        """What drivers have beside what was made here is known afterwards. Returns their complaints."""
        complaints = []
        for name, driver in (await run_blocking(self.drivers.others)).items():
            try:
                found = await run_blocking(_volumes_of, name, driver, set(self._volumes))
            except EngineError as err:
                complaints.append(f"list volumes of driver {name}: {err}")
                continue
            self._volumes |= {volume.name: volume for volume in found}
        return complaints

    def matching(self, filters: Filters, in_use: Collection[str]) -> list[Volume]:
        filters.validate(LIST_FILTERS)
        return [v for v in self.all() if matches(v, filters, used=v.name in in_use)]

    async def inspect(self, name: str) -> dict[str, Any]:
        """As clients see it, with what its driver says of it."""
        if name not in self._volumes:
            await self.discover()
        volume = self.get(name)
        if volume.driver == "local":
            return volume.to_wire()
        backend = await run_blocking(self.drivers.get, volume.driver)
        status = await run_blocking(backend.status, name)
        wire = volume.to_wire() | {"Mountpoint": await run_blocking(backend.path, name)}
        return wire | ({"Status": status} if status else {})

    async def remove(self, name: str, users: Users = nobody, *, force: bool = False) -> Volume | None:
        """The volume that was removed; with `force`, None where there was none. `users` is asked under the lock."""
        async with self._locks.hold(name):
            if force and name not in self._volumes:
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
        await run_blocking(self._metadata.delete, volume.name)
        del self._volumes[volume.name]

    async def rename(self, name: str, new: str, users: Users = nobody) -> Volume:
        """Commit point: the rename of the directory; a row without one means nothing."""
        if name == new:
            raise InvalidVolume("Renaming a volume with the same name as its current name")
        first, second = sorted((name, new))
        async with self._locks.hold(first), self._locks.hold(second):
            volume = self.get(name)
            if volume.driver != "local":
                raise NotImplementedByEngine(f"rename {name}: the driver {volume.driver} cannot rename volumes")
            self.drivers.local.validate(new, {})
            if new in self._volumes:
                raise VolumeInUse(f"rename {name}: a volume named {new} already exists")
            if using := users():
                raise VolumeInUse(f"rename {name}: volume is in use - [{', '.join(sorted(using))}]")
            renamed = structs.replace(volume, name=new, mountpoint=self.drivers.local.path(new))
            await run_blocking(self._metadata.put, renamed)
            failpoint("volume rename: row written")
            await run_blocking(self.drivers.local.rename, name, new)
            failpoint("volume rename: directory renamed")
            await run_blocking(self._metadata.delete, name)
            del self._volumes[name]
            self._volumes[new] = renamed
            return renamed

    async def prune(self, filters: Filters, users: Callable[[str], Collection[str]]) -> Pruned:
        """Remove what no container uses: anonymous volumes, and with the filter `all` those with a name too."""
        filters.validate(PRUNE_FILTERS)
        removed, space_bytes = [], 0
        for volume in self.all():
            if not is_prunable(volume, filters) or users(volume.name):
                continue
            size = await self.size_bytes(volume.name)
            try:
                await self.remove(volume.name, lambda name=volume.name: users(name))  # type: ignore[misc]
            except EngineError:  # in use or gone by now, or its driver could not; dockerd goes on too
                continue
            removed.append(volume)
            space_bytes += size
        return Pruned(tuple(removed), space_bytes)

    async def mount(self, name: str, user: str) -> Path:
        """The directory to bind into the container `user`; `unmount` undoes it."""
        async with self._locks.hold(name):
            return await self._mount(self.get(name), user)

    async def _mount(self, volume: Volume, user: str) -> Path:
        try:
            backend = await run_blocking(self.drivers.get, volume.driver)
            path = await run_blocking(backend.mount, volume.name, user)
        except EngineError as err:
            raise SystemFailure(f"error while mounting volume '{volume.mountpoint}': {err}") from err
        self._users.setdefault(volume.name, set()).add(user)
        return path

    async def unmount(self, name: str, user: str) -> bool:
        """False where `user` had it not mounted."""
        async with self._locks.hold(name):
            volume = self._volumes.get(name)
            if volume is None or user not in self._users.get(name, ()):
                return False
            await self._unmount(volume, user)
            return True

    async def _unmount(self, volume: Volume, user: str) -> None:
        users = self._users[volume.name]
        users.discard(user)
        if not users:
            del self._users[volume.name]
        backend = await run_blocking(self.drivers.get, volume.driver)
        await run_blocking(backend.unmount, volume.name, user)

    async def fill(self, name: str, user: str, rootfs: Path, destination: str) -> bool:
        """Fill an empty volume from a directory of the image; see `copyup`."""
        user = f"{user}-fill"
        async with self._locks.hold(name):
            volume = self.get(name)
            staged = volume.driver == "local" and not volume.options and name not in self._users
            path = await self._mount(volume, user)
            try:
                return await run_blocking(copyup.copy_up, rootfs, destination, path, staged=staged)
            except OSError as exc:
                raise SystemFailure(f"failed to copy the image's {destination}: {exc.strerror}") from exc
            finally:
                await self._unmount(volume, user)

    async def size_bytes(self, name: str) -> int:
        """-1 where the data is not on this machine, or not to be seen now."""
        volume = self.get(name)
        return await run_blocking(tree_size, Path(volume.mountpoint)) if volume.mountpoint else -1


def _volumes_of(name: str, driver: VolumeDriver, known: Collection[str]) -> list[Volume]:
    return [
        Volume(volume, name, driver.path(volume), "", scope=driver.scope)
        for volume in driver.names()
        if volume not in known
    ]


def _found(local: LocalDriver, name: str) -> Volume:
    path = local.directory(name)
    created_at = _seconds(int(path.parent.stat().st_mtime) * 1_000_000_000)
    return Volume(name, "local", str(path), created_at, options=local.options(name))


def _seconds(ns: int) -> str:
    return format_time(ns // 1_000_000_000 * 1_000_000_000)
