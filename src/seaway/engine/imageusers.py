"""Who uses an image: the containers that were made of it, and those that mount it. Derived from their records."""

from collections.abc import Iterator

from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.images.remove import ImageUser
from seaway.oci.digest import Digest


class ImageUsers:
    def __init__(self, containers: ContainerStore) -> None:
        self._containers = containers

    def of(self, image_id: Digest) -> Iterator[ImageUser]:
        for container in self._containers.all():
            if container.image == image_id:
                yield ImageUser(container.id, container.task.is_running)
            elif _mounts(container, image_id):
                yield ImageUser(container.id, container.task.is_running, only_mounts=True)


def _mounts(container: Container, image_id: Digest) -> bool:
    return any(point.type == "image" and point.spec.source == image_id for point in container.mount_points.values())
