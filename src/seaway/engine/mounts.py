"""What is mounted into a container: planned at its creation, realised at its start, given back at its end.

A volume is in use while a container's record names it, and while a `create` that planned it has not ended. Both are
derived, never stored twice.
"""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import msgspec

from seaway.base.errors import EngineError
from seaway.base.failpoints import failpoint
from seaway.base.ids import new_id
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.engine.imagemounts import ImageMounts
from seaway.engine.mountsources import make_source, refuse_file, require_propagation, require_source
from seaway.engine.mountspec import bind_mount, tmpfs_mount, tmpfs_words
from seaway.engine.ports import Events, RootFilesystems
from seaway.engine.spec import kernel_version
from seaway.engine.subpaths import Subpaths
from seaway.kernel import worker
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.mount import MountPoint, VolumeDriverConfig, VolumeOptions
from seaway.runtime.spec.request import SpecMount
from seaway.volumes.driver import ANONYMOUS_LABEL, Volume, VolumeInUse
from seaway.volumes.spec import InvalidMount, plan_mounts, propagation_near
from seaway.volumes.store import VolumeStore

MOUNT_SETATTR = (5, 12)


class ContainerMounts:
    def __init__(
        self,
        volumes: VolumeStore,
        containers: ContainerStore,
        filesystems: RootFilesystems,
        images: ImageMounts,
        events: Events,
        data_root: Path,
        staging: Path,
        owner: tuple[int, int] = (0, 0),
    ) -> None:
        """A source that has to be made belongs to `owner`."""
        self.volumes, self._containers, self._filesystems = volumes, containers, filesystems
        self._images, self._events, self._data_root, self._owner = images, events, data_root, owner
        self._subpaths = Subpaths(staging)
        self._planned: dict[str, set[str]] = {}

    @asynccontextmanager
    async def planned(
        self, container_id: str, config: ContainerConfig, host: HostConfig
    ) -> AsyncIterator[dict[str, MountPoint]]:
        """By destination, every volume made and filled. What was made for it is taken back where the block fails.
        Raises InvalidMount in dockerd's words."""
        points = self._plan(config, host)
        named = {t: self._named(p) for t, p in points.items()}
        self._planned[container_id] = {p.name for p in named.values() if p.type == "volume"}
        anonymous = [p.name for p in named.values() if p.type == "volume" and not p.spec.source]
        await self._containers.announce(container_id, anonymous)
        try:
            made = {target: await self._sourced(container_id, point) for target, point in named.items()}
            await self._fill(container_id, config, made)
            failpoint("create: volumes made")
            yield made
        except BaseException:
            del self._planned[container_id]
            await self._take_back(container_id, named.values())
            raise
        del self._planned[container_id]

    async def begin(self, container: Container, user: str = "") -> tuple[SpecMount, ...]:
        """The outermost first. `end` undoes it, also where it failed halfway. `user` is the container, or who else
        needs its mounts for a while."""
        user = user or container.id
        points = sorted(container.mount_points.values(), key=lambda m: m.destination.count("/"))
        mounts = [await self._mount(container.id, point, user) for point in points]
        failpoint("start: volumes mounted")
        tmpfs = container.host_config.tmpfs
        for target, options in (tmpfs if isinstance(tmpfs, dict) else {}).items():
            mounts.append(tmpfs_mount(target, options.split(",")))
        return tuple(mounts)

    async def adopt(self, container: Container) -> None:
        """A container that an engine before this one started: its volumes are counted again."""
        for point in container.mount_points.values():
            if point.type == "volume":
                await self.volumes.mounts.mount(point.name, container.id)
            elif point.type == "image":
                await self._images.mount(container.id, point, container.id)

    async def sweep(self) -> None:
        """Once every container that runs is adopted: what a killed engine left mounted goes."""
        await self._subpaths.sweep()
        await worker.run_blocking(self.volumes.drivers.local.sweep)

    async def end(self, container: Container, user: str = "") -> None:
        """Every step is done; the first failure is raised at the end."""
        failure: EngineError | None = None
        user = user or container.id
        await self._subpaths.release(user)
        for point in container.mount_points.values():
            try:
                if point.type == "volume" and await self.volumes.mounts.unmount(point.name, user):
                    self._event("unmount", point, container.id)
                elif point.type == "image":
                    await self._images.unmount(container.id, point, user)
            except EngineError as err:
                failure = failure or err
        if failure:
            raise failure

    async def forget(self, container: Container) -> None:
        """The container is gone: what was made for it alone."""
        for point in container.mount_points.values():
            if point.type == "image":
                await self._images.remove(container.id, point)

    async def remove_anonymous(self, container: Container) -> None:
        """`rm -v`: the volumes that nobody named, unless another container has them."""
        await self._remove_anonymous(container.id, container.mount_points.values())

    async def remove_abandoned(self, names: Collection[str]) -> None:
        """Anonymous volumes of a container that a killed engine was making."""
        for name in names:
            if self.volumes.find(name) and not self.users(name):
                await self.volumes.remove(name)

    def users(self, name: str) -> set[str]:
        users = {c.id for c in self._containers.all() if any(m.name == name for m in c.mount_points.values())}
        return users | {container for container, names in self._planned.items() if name in names}

    def in_use(self) -> set[str]:
        names = {m.name for c in self._containers.all() for m in c.mount_points.values() if m.type == "volume"}
        return names.union(*self._planned.values())

    def _plan(self, config: ContainerConfig, host: HostConfig) -> dict[str, MountPoint]:
        return plan_mounts(
            host.binds or (),
            host.mounts if isinstance(host.mounts, list) else (),
            host.volumes_from or (),
            host.tmpfs if isinstance(host.tmpfs, dict) else None,
            config.volumes or (),
            volume_driver=host.volume_driver,
            mounts_of=self._mounts_of,
        )

    def _mounts_of(self, name: str) -> Collection[MountPoint]:
        try:
            return self._containers.find(name).mount_points.values()
        except EngineError as err:
            raise InvalidMount(str(err)) from err

    def _named(self, point: MountPoint) -> MountPoint:
        if point.type != "volume" or point.name:
            return point
        return msgspec.structs.replace(point, name=new_id())

    async def _sourced(self, container_id: str, point: MountPoint) -> MountPoint:
        match point.type:
            case "bind":
                propagation = propagation_near(point, str(self._data_root))
                await worker.run_blocking(require_source, point)
                return msgspec.structs.replace(point, propagation=propagation)
            case "volume":
                volume = await self._volume(container_id, point)
                return msgspec.structs.replace(point, driver=volume.driver, source=volume.mountpoint)
            case "image":
                return await self._images.prepare(container_id, point)
            case _:
                tmpfs_words(point.spec)
                return point

    async def _volume(self, container_id: str, point: MountPoint) -> Volume:
        options = point.spec.volume_options or VolumeOptions()
        driver = options.driver_config or VolumeDriverConfig()
        labels = dict(options.labels or {})
        if not point.spec.source:
            labels[ANONYMOUS_LABEL] = ""
        volume = await self.volumes.create(
            point.name,
            point.driver,
            driver.options,
            labels or None,
            users=partial(self._other_users, point.name, container_id),
        )
        self._events.publish("volume", "create", volume.name, {"driver": volume.driver})
        return volume

    async def _fill(self, container_id: str, config: ContainerConfig, points: dict[str, MountPoint]) -> None:
        """Copy-up, from the container's root filesystem."""
        fills = [p for p in points.values() if p.copies_data]
        if not fills:
            return
        rootfs = await self._filesystems.mount(container_id)
        try:
            for point in sorted(fills, key=lambda p: p.destination.count("/")):
                if point.destination in (config.volumes or {}):
                    await worker.run_blocking(refuse_file, rootfs, point.destination)
                await self.volumes.mounts.fill(point.name, container_id, rootfs, point.destination)
        finally:
            await self._filesystems.unmount(container_id)

    async def _take_back(self, container_id: str, points: Collection[MountPoint]) -> None:
        await self._remove_anonymous(container_id, points)
        for point in points:
            if point.type == "image":
                await self._images.remove(container_id, point)

    async def _remove_anonymous(self, container_id: str, points: Collection[MountPoint]) -> None:
        for point in points:
            if point.type != "volume" or point.spec.source or self.volumes.find(point.name) is None:
                continue
            try:
                removed = await self.volumes.remove(point.name, partial(self._other_users, point.name, container_id))
            except VolumeInUse:
                continue  # another container took it by --volumes-from
            if removed:
                self._events.publish("volume", "destroy", removed.name, {"driver": removed.driver})

    def _other_users(self, name: str, container_id: str) -> set[str]:
        return self.users(name) - {container_id}

    async def _mount(self, container_id: str, point: MountPoint, user: str) -> SpecMount:
        match point.type:
            case "tmpfs":
                return tmpfs_mount(point.destination, tmpfs_words(point.spec))
            case "volume":
                source = str(await self.volumes.mounts.mount(point.name, user))
                subpath = point.spec.volume_options.subpath if point.spec.volume_options else ""
                self._event("mount", point, container_id)
            case "image":
                source = str(await self._images.mount(container_id, point, user))
                subpath = point.spec.image_options.subpath if point.spec.image_options else ""
            case _:
                source, subpath = point.source, ""
                await worker.run_blocking(make_source, point, self._owner)
                await worker.run_blocking(require_propagation, point)
        if subpath:
            source = await self._subpaths.stage(user, source, subpath)
        return bind_mount(point, source, recursive_read_only=kernel_version() >= MOUNT_SETATTR)

    def _event(self, action: str, point: MountPoint, container_id: str) -> None:
        attributes = {"driver": point.driver, "container": container_id}
        if action == "mount":
            attributes |= {"destination": point.destination, "read/write": str(point.rw).lower()}
            attributes["propagation"] = point.propagation or ""
        self._events.publish("volume", action, point.name, attributes)
