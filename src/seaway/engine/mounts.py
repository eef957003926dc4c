"""What is mounted into a container: realised at its start, given back at its end. `mountplan` says what it is."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

from seaway.base.errors import EngineError
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.engine.imagemounts import ImageMounts
from seaway.engine.labels import label_source
from seaway.engine.mountplan import MountPlanner
from seaway.engine.mountsources import flags_of, make_source, require_propagation
from seaway.engine.mountspec import bind_mount, tmpfs_mount, tmpfs_words
from seaway.engine.ports import Events
from seaway.engine.spec import kernel_version
from seaway.engine.subpaths import Subpaths
from seaway.kernel import worker
from seaway.model.mount import MountPoint
from seaway.runtime.spec.request import SpecMount
from seaway.volumes.mountrules import clean
from seaway.volumes.store import VolumeStore

MOUNT_SETATTR = (5, 12)


class ContainerMounts:
    def __init__(
        self,
        volumes: VolumeStore,
        planner: MountPlanner,
        images: ImageMounts,
        events: Events,
        staging: Path,
        label_of: Callable[[str], str],
        owner: tuple[int, int] = (0, 0),
    ) -> None:
        """A source that has to be made belongs to `owner`. `label_of` a container is the SELinux label of its files."""
        self.volumes, self.planner, self.users = volumes, planner, planner.users
        self._images, self._events, self._owner = images, events, owner
        self._label_of = label_of
        self._subpaths = Subpaths(staging)

    async def begin(self, container: Container, user: str = "") -> tuple[SpecMount, ...]:
        """The outermost first. `end` undoes it, also where it failed halfway. `user` is the container, or who else
        needs its mounts for a while."""
        user = user or container.id
        tmpfs = container.host_config.tmpfs if isinstance(container.host_config.tmpfs, dict) else {}
        points = sorted(container.mount_points.values(), key=lambda m: m.destination.count("/"))
        mounts = [await self._mount(container.id, point, user) for point in points if not _is_below(point, tmpfs)]
        failpoint("start: volumes mounted")
        for target, options in tmpfs.items():
            mounts.append(tmpfs_mount(target, options.split(",") if options else []))
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

    async def _mount(self, container_id: str, point: MountPoint, user: str) -> SpecMount:
        if point.type == "tmpfs":
            return tmpfs_mount(point.destination, tmpfs_words(point.spec))
        source = await self._source(container_id, point, user)
        if label := self._label_of(container_id):
            await worker.run_blocking(label_source, point, source, label)
        if point.subpath:
            source = await self._subpaths.stage(user, source, point.subpath)
        if point.rw:
            return bind_mount(point, source, await worker.run_blocking(flags_of, source))
        recursive = kernel_version() >= MOUNT_SETATTR
        is_directory = await worker.run_blocking(os.path.isdir, source)
        return bind_mount(point, source, recursive_read_only=recursive, is_directory=is_directory)

    async def _source(self, container_id: str, point: MountPoint, user: str) -> str:
        match point.type:
            case "volume":
                source = await self.volumes.mounts.mount(point.name, user)
                self._event("mount", point, container_id)
                return str(source)
            case "image":
                return str(await self._images.mount(container_id, point, user))
        await worker.run_blocking(make_source, point, self._owner)
        await worker.run_blocking(require_propagation, point)
        return point.source

    def _event(self, action: str, point: MountPoint, container_id: str) -> None:
        attributes = {"driver": point.driver, "container": container_id}
        if action == "mount":
            attributes |= {"destination": point.destination, "read/write": str(point.rw).lower()}
            attributes["propagation"] = point.propagation or ""
        self._events.publish("volume", action, point.name, attributes)


def _is_below(point: MountPoint, tmpfs: Iterable[str]) -> bool:
    """Whether a --tmpfs takes the place of what came by --volumes-from."""
    return point.type != "tmpfs" and point.destination in {clean(target) for target in tmpfs}
