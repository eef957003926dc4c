"""Images mounted into a container (`--mount type=image`), each under a layer of the container's own."""

from pathlib import Path

import msgspec

from seaway.base.ids import is_full_id
from seaway.containers.container import Container
from seaway.engine.ports import Images, RootFilesystems
from seaway.model.mount import MountPoint


class ImageMounts:
    def __init__(self, images: Images, filesystems: RootFilesystems) -> None:
        self._images, self._filesystems = images, filesystems
        self._users: set[tuple[str, str]] = set()

    async def prepare(self, container_id: str, point: MountPoint) -> MountPoint:
        """What the user called the image is kept as the name, and its ID as the source that was asked for: dockerd's
        record, by which `ImageUsers` knows who mounts it. Raises NotFound where there is no such image."""
        image = self._images.resolve(point.spec.source)
        layer = layer_name(container_id, point)
        await self._filesystems.create_rw(layer, image.chain_id)
        return msgspec.structs.replace(
            point,
            name=image_name(point),
            spec=msgspec.structs.replace(point.spec, source=str(image.id)),
            source=self._filesystems.graph_data(layer).get("MergedDir", point.source),
        )

    async def mount(self, container_id: str, point: MountPoint, user: str) -> Path:
        layer = layer_name(container_id, point)
        self._filesystems.set_label(layer, self._filesystems.label_of(container_id))
        path = await self._filesystems.mount(layer)
        self._users.add((user, point.destination))
        return path

    async def unmount(self, container_id: str, point: MountPoint, user: str) -> None:
        """Nothing where `user` had it not mounted."""
        if (user, point.destination) in self._users:
            self._users.discard((user, point.destination))
            await self._filesystems.unmount(layer_name(container_id, point))

    async def remove(self, container_id: str, point: MountPoint) -> None:
        await self._filesystems.remove_rw(layer_name(container_id, point))


def layer_name(container_id: str, point: MountPoint) -> str:
    """One image may be mounted at several places. dockerd's own naming, so that it finds and removes them too."""
    return f"{container_id},src={image_name(point)},dst={point.destination}".encode().hex()


def image_name(point: MountPoint) -> str:
    """As the user gave it. Where nothing is prepared yet, and in older records, it is what was asked for."""
    return point.name or point.spec.source


def owner_of(layer: str) -> str:
    """The container that a read-write layer belongs to: its own root filesystem's, or an image's that it mounts."""
    if is_full_id(layer):
        return layer
    try:
        return bytes.fromhex(layer).decode().partition(",")[0]
    except ValueError:  # somebody else's naming
        return layer


def image_layers(container: Container) -> list[str]:
    return [layer_name(container.id, point) for point in container.mount_points.values() if point.type == "image"]
