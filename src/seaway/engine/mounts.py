"""What is mounted into a container: planned at its creation, realised at its start, given back at its end."""

import os
from pathlib import Path

import msgspec

from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.kernel import worker
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.mount import MountPoint
from seaway.volumes.spec import bind_source_missing, plan_mounts
from seaway.volumes.store import VolumeStore


class ContainerMounts:
    def __init__(self, volumes: VolumeStore, containers: ContainerStore) -> None:
        self.volumes, self._containers = volumes, containers

    async def plan(self, config: ContainerConfig, host: HostConfig) -> dict[str, MountPoint]:
        """By destination, with every volume made and every source known. Raises InvalidMount in dockerd's words."""
        points = plan_mounts(
            host.binds or (),
            host.mounts if isinstance(host.mounts, list) else (),
            host.volumes_from or (),
            host.tmpfs if isinstance(host.tmpfs, dict) else None,
            config.volumes or (),
            volume_driver=host.volume_driver,
            mounts_of=lambda name: self._containers.find(name).mount_points.values(),
        )
        return {target: await self._sourced(point) for target, point in points.items()}

    async def begin(self, container: Container, rootfs: Path) -> None:
        for point in container.mount_points.values():
            if point.type == "volume":
                await self.volumes.mount(point.name, container.id)
                await self._copy_up(point, rootfs)

    async def end(self, container: Container) -> None:
        for point in container.mount_points.values():
            if point.type == "volume":
                await self.volumes.unmount(point.name, container.id)

    async def remove_anonymous(self, container: Container) -> None:
        """`rm -v`: the volumes that nobody named, unless another container has them."""
        for point in container.mount_points.values():
            users = self.users(point.name) - {container.id}
            if point.type == "volume" and not users and self.volumes.get(point.name).is_anonymous:
                await self.volumes.remove(point.name)

    def users(self, name: str) -> set[str]:
        """Derived from the containers' records, never stored twice."""
        return {c.id for c in self._containers.all() if any(m.name == name for m in c.mount_points.values())}

    async def _sourced(self, point: MountPoint) -> MountPoint:
        if point.type == "bind":
            await worker.run_blocking(_require_source, point)
            return point
        if point.type != "volume":
            return point
        volume = await self.volumes.create(point.name, point.driver)
        path = await self.volumes.mount(volume.name, "")
        await self.volumes.unmount(volume.name, "")
        return msgspec.structs.replace(point, name=volume.name, driver=volume.driver, source=str(path))

    async def _copy_up(self, point: MountPoint, rootfs: Path) -> None:
        image_dir = (rootfs / point.destination.lstrip("/")).resolve()
        if point.copies_data and image_dir.is_relative_to(rootfs) and image_dir.is_dir():
            await self.volumes.copy_up(point.name, image_dir)


def _require_source(point: MountPoint) -> None:
    """A missing source of `-v` is made; one of `--mount` is refused."""
    if os.path.lexists(point.source):
        return
    if point.skip_mountpoint_creation:
        raise bind_source_missing(point.source)
    os.makedirs(point.source, 0o755, exist_ok=True)
