"""Who uses a volume: a container whose record names it, and a `create` that has planned it and is not recorded yet.

Both are derived, never stored twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from seaway.containers.container import Container
from seaway.containers.store import ContainerStore


class VolumeUsers:
    def __init__(self, containers: ContainerStore) -> None:
        self._containers = containers
        self._planned: dict[str, set[str]] = {}

    @contextmanager
    def planning(self, container_id: str, names: set[str]) -> Iterator[None]:
        """No prune comes between the plan and the record."""
        self._planned[container_id] = names
        try:
            yield
        finally:
            del self._planned[container_id]

    def of(self, name: str) -> set[str]:
        """Container IDs."""
        users = {c.id for c in self._containers.all() if name in _volumes_of(c)}
        return users | {container for container, names in self._planned.items() if name in names}

    def others(self, name: str, container_id: str) -> set[str]:
        return self.of(name) - {container_id}

    def in_use(self) -> set[str]:
        """The names of all volumes that somebody uses."""
        names = {name for c in self._containers.all() for name in _volumes_of(c)}
        return names.union(*self._planned.values())


def _volumes_of(container: Container) -> set[str]:
    return {point.name for point in container.mount_points.values() if point.type == "volume"}
