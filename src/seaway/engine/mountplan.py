"""What is to be mounted into a new container: each volume made and filled, each image's layer prepared."""

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
from seaway.engine.mountsources import refuse_file, require_source
from seaway.engine.mountspec import tmpfs_words
from seaway.engine.ports import Events, RootFilesystems
from seaway.engine.volumeusers import VolumeUsers
from seaway.kernel import worker
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.mount import MountPoint, VolumeDriverConfig, VolumeOptions
from seaway.volumes.driver import ANONYMOUS_LABEL, LOCAL, Volume, VolumeInUse
from seaway.volumes.mountrules import InvalidMount
from seaway.volumes.spec import MountPlan, plan_mounts, propagation_near
from seaway.volumes.store import VolumeStore


class MountPlanner:
    def __init__(
        self,
        volumes: VolumeStore,
        containers: ContainerStore,
        filesystems: RootFilesystems,
        images: ImageMounts,
        events: Events,
        data_root: Path,
    ) -> None:
        self.users = VolumeUsers(containers)
        self._volumes, self._containers, self._filesystems = volumes, containers, filesystems
        self._images, self._events, self._data_root = images, events, data_root

    @asynccontextmanager
    async def planned(
        self, container_id: str, config: ContainerConfig, host: HostConfig
    ) -> AsyncIterator[dict[str, MountPoint]]:
        """By destination, every volume made and filled. What was made for it is taken back where the block fails.
        Raises InvalidMount in dockerd's words."""
        plan = self._plan(config, host)
        named = {target: _named(point) for target, point in plan.points.items()}
        volumes = [point for point in named.values() if point.type == "volume"]
        with self.users.planning(container_id, {point.name for point in volumes}):
            await self._containers.announce(container_id, [p.name for p in volumes if not p.spec.source])
            try:
                made = {
                    target: await self._sourced(container_id, point, target in plan.inherited)
                    for target, point in named.items()
                }
                await self._fill(container_id, config, [p for t, p in made.items() if t not in plan.inherited])
                failpoint("create: volumes made")
                yield made
            except BaseException:
                await self._take_back(container_id, named.values())
                raise

    async def remove_anonymous(self, container: Container) -> None:
        """`rm -v`: the volumes that nobody named, unless another container has them."""
        await self._remove_anonymous(container.id, container.mount_points.values())

    async def remove_abandoned(self, names: Collection[str]) -> None:
        """Anonymous volumes of a container that a killed engine was making."""
        for name in names:
            if self._volumes.find(name) and not self.users.of(name):
                await self._volumes.remove(name)

    def _plan(self, config: ContainerConfig, host: HostConfig) -> MountPlan:
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

    async def _sourced(self, container_id: str, point: MountPoint, inherited: bool) -> MountPoint:
        match point.type:
            case "bind":
                propagation = propagation_near(point, str(self._data_root))
                await worker.run_blocking(require_source, point)
                return msgspec.structs.replace(point, propagation=propagation)
            case "volume":
                return _on_volume(point, await self._volume(container_id, point), inherited=inherited)
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
        volume = await self._volumes.create(
            point.name,
            point.driver,
            driver.options,
            labels or None,
            users=partial(self.users.others, point.name, container_id),
        )
        self._events.publish("volume", "create", volume.name, {"driver": volume.driver})
        return volume

    async def _fill(self, container_id: str, config: ContainerConfig, points: Collection[MountPoint]) -> None:
        """Copy-up, from the container's root filesystem."""
        fills = [point for point in points if point.copies_data]
        if not fills:
            return
        rootfs = await self._filesystems.mount(container_id)
        try:
            for point in sorted(fills, key=lambda p: p.destination.count("/")):
                if point.destination in (config.volumes or {}):
                    await worker.run_blocking(refuse_file, rootfs, point.destination)
                await self._volumes.mounts.fill(point.name, container_id, rootfs, point.destination)
        finally:
            await self._filesystems.unmount(container_id)

    async def _take_back(self, container_id: str, points: Collection[MountPoint]) -> None:
        await self._remove_anonymous(container_id, points)
        for point in points:
            if point.type == "image":
                await self._images.remove(container_id, point)

    async def _remove_anonymous(self, container_id: str, points: Collection[MountPoint]) -> None:
        for point in points:
            if point.type != "volume" or point.spec.source or self._volumes.find(point.name) is None:
                continue
            try:
                removed = await self._volumes.remove(point.name, partial(self.users.others, point.name, container_id))
            except VolumeInUse:
                continue  # another container took it by --volumes-from
            if removed:
                self._events.publish("volume", "destroy", removed.name, {"driver": removed.driver})


def _named(point: MountPoint) -> MountPoint:
    if point.type != "volume" or point.name:
        return point
    return msgspec.structs.replace(point, name=new_id())


def _on_volume(point: MountPoint, volume: Volume, *, inherited: bool) -> MountPoint:
    """A local volume that was asked for without a mode is for all containers: `z`. Others have none."""
    if volume.driver == LOCAL and not point.mode and point.spec.target and not inherited:
        point = msgspec.structs.replace(point, mode="z")
    return msgspec.structs.replace(point, driver=volume.driver, source=volume.mountpoint)
