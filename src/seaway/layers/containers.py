"""The read-write layer of each container, on top of an image's layers or of none, with the init layer between."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway.base.errors import Conflict, NotFound
from seaway.base.ids import new_id
from seaway.base.locks import KeyedLocks
from seaway.base.supervisor import Supervisor
from seaway.kernel.worker import run_blocking
from seaway.layers.changes import Change, layer_changes
from seaway.layers.initlayer import find_directory, set_up_init_layer
from seaway.layers.layerdb import RwLayer
from seaway.layers.options import container_limit
from seaway.layers.store import LayerStore
from seaway.layers.transfer import Diff
from seaway.oci.digest import Digest


class NoSuchMount(NotFound):
    def __init__(self) -> None:
        super().__init__("mount does not exist")


class MountExists(Conflict):
    def __init__(self) -> None:
        super().__init__("mount already exists with name")


@dataclass(slots=True)
class _Mounted:
    path: Path
    users: int


class ContainerLayers:
    """What they stand on stays in `images` as long as they do. A layer's commit point is the rename of its record."""

    def __init__(self, images: LayerStore) -> None:
        self._images, self._driver = images, images.driver
        self._rw = {rw.container_id: rw for rw in images.db.rw_layers()}
        self._mounts: dict[str, _Mounted] = {}
        self._labels: dict[str, str] = {}
        self._graph_data: dict[str, dict[str, str]] = {}
        self._locks = KeyedLocks()
        self._background = Supervisor()
        images.add_user(self._stood_on)

    @property
    def driver_name(self) -> str:
        return self._driver.name

    async def close(self) -> None:
        """Wait for the records that are on their way to the disk."""
        await self._background.drain(timeout_s=60)

    def _stood_on(self) -> Iterator[Digest]:
        return (rw.parent for rw in self._rw.values() if rw.parent is not None)

    def diff(self, container_id: str) -> Diff:
        """What the container changed, for a new layer. Of what goes on meanwhile some is in it, some is not."""
        rw = self._get_rw(container_id)
        parent = self._driver.layer_dir(rw.init_id) if self._driver.whiteouts == "plain" else None
        return Diff(self._driver.layer_dir(rw.mount_id), parent)

    async def create_rw(self, container_id: str, parent: str | None, options: Mapping[str, str] | None = None) -> None:
        """`options` are those of `--storage-opt`. Raises StorageError."""
        limit_bytes = container_limit(options or {})
        if container_id in self._rw:
            raise MountExists
        top = self._images.get(Digest(parent)) if parent else None
        mount_id = new_id()
        rw = RwLayer(container_id, mount_id, f"{mount_id}-init", top.chain_id if top else None)
        self._rw[container_id] = rw
        committed = False
        write_set = await run_blocking(self._images.db.begin, mount_id)
        try:
            await self._driver.create_rw(rw.init_id, top.cache_id if top else None)
            below = self._driver.lower_dirs(rw.init_id)
            await run_blocking(set_up_init_layer, self._driver.layer_dir(rw.init_id), below, self._images.ids.root)
            await self._driver.create_rw(rw.mount_id, rw.init_id, limit_bytes)
            await run_blocking(self._images.db.commit_rw, write_set, rw)
            committed = True
            self._background.spawn(
                run_blocking(self._images.db.sync_rw, container_id), f"sync the mount of {container_id}"
            )
        finally:
            if not committed:
                del self._rw[container_id]
                await asyncio.shield(self._images.undo(write_set, rw.mount_id, rw.init_id))

    async def mount(self, container_id: str) -> Path:
        """The container's root filesystem. Every `mount` needs its `unmount`; the last one ends it."""
        rw = self._get_rw(container_id)
        async with self._locks.hold(container_id):
            if mounted := self._mounts.get(container_id):
                mounted.users += 1
                return mounted.path
            path = await self._driver.mount(rw.mount_id, self.label_of(container_id))
            self._mounts[container_id] = _Mounted(path, 1)
            return path

    async def unmount(self, container_id: str) -> None:
        rw = self._get_rw(container_id)
        async with self._locks.hold(container_id):
            mounted = self._mounts.get(container_id)
            if mounted and mounted.users > 1:
                mounted.users -= 1
                return
            self._mounts.pop(container_id, None)
            await self._driver.unmount(rw.mount_id)

    async def remove_rw(self, container_id: str) -> None:
        """Unmounts it, whoever still counted on it. Removing an absent one is a no-op."""
        async with self._locks.hold(container_id):
            if (rw := self._rw.pop(container_id, None)) is None:
                return
            self._mounts.pop(container_id, None)
            self._labels.pop(container_id, None)
            self._graph_data.pop(container_id, None)
            record = await run_blocking(self._images.db.take_rw, rw)
            await self._images.undo(record, *filter(None, (rw.mount_id, rw.init_id)))
        if rw.parent is not None:
            await self._images.release(rw.parent)  # its image may be gone since

    def set_label(self, container_id: str, label: str) -> None:
        """What is mounted of it from now on has this SELinux label on every file; "" leaves them their own."""
        self._labels[container_id] = label

    def label_of(self, container_id: str) -> str:
        return self._labels.get(container_id, "")

    def labels(self) -> set[str]:
        """Those that are in use."""
        return set(filter(None, self._labels.values()))

    def containers(self) -> list[str]:
        """Whose read-write layers there are."""
        return list(self._rw)

    async def has_directory(self, container_id: str, path: str) -> bool:
        """Whether the container has one there. Seen without mounting it: a link on the way is no directory."""
        rw = self._get_rw(container_id)
        layers = [self._driver.layer_dir(rw.mount_id), *self._driver.lower_dirs(rw.mount_id)]
        return bool(await run_blocking(find_directory, layers, path.strip("/")))

    def has_rw(self, container_id: str) -> bool:
        return container_id in self._rw

    def graph_data(self, container_id: str) -> dict[str, str]:
        if container_id not in self._graph_data:
            self._graph_data[container_id] = self._driver.metadata(self._get_rw(container_id).mount_id)
        return self._graph_data[container_id]

    async def rw_size(self, container_id: str) -> int:
        rw = self._get_rw(container_id)
        size = await self._driver.rw_size(rw.mount_id)
        if self._driver.whiteouts == "plain":
            size -= await self._driver.rw_size(rw.init_id)
        return max(size, 0)

    async def sizes(self, container_id: str) -> tuple[int, int]:
        """What the container's layer holds, and that together with its image."""
        own = await self.rw_size(container_id)
        return own, own + sum(layer.size for layer in self._images.stack(self._get_rw(container_id).parent))

    async def changes(self, container_id: str) -> list[Change]:
        """What the container's layer changes of those below it, parents first, by name."""
        rw = self._get_rw(container_id)
        is_whole = self._driver.whiteouts == "plain"
        below = [self._driver.layer_dir(rw.init_id)] if is_whole else self._driver.lower_dirs(rw.mount_id)
        return await run_blocking(layer_changes, self._driver.layer_dir(rw.mount_id), below, is_whole=is_whole)

    def _get_rw(self, container_id: str) -> RwLayer:
        try:
            return self._rw[container_id]
        except KeyError:
            raise NoSuchMount from None
