"""Which driver is meant by a name: the built-in one, Python packages' (entry points `seaway.volume_drivers`)."""

from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from seaway.base.errors import NotFound
from seaway.volumes.driver import VolumeDriver
from seaway.volumes.local import LocalDriver

GROUP = "seaway.volume_drivers"


class NoSuchDriver(NotFound):
    pass


class VolumeDrivers:
    """An entry point is called with a directory of its own under the data root, once, when it is first named."""

    def __init__(self, root: Path, drivers: Mapping[str, VolumeDriver] | None = None) -> None:
        self._root = root
        self.local = LocalDriver(root / "volumes", root / "seaway" / "trash")
        self._known: dict[str, VolumeDriver] = {"local": self.local, **(drivers or {})}

    def get(self, name: str) -> VolumeDriver:
        """Blocking. Raises NoSuchDriver."""
        if name not in self._known:
            self._known[name] = self._load(name)
        return self._known[name]

    def _load(self, name: str) -> VolumeDriver:
        for point in entry_points(group=GROUP, name=name):
            driver: VolumeDriver = point.load()(self._root / "seaway" / "volume-drivers" / name)
            return driver
        raise NoSuchDriver(f'error looking up volume plugin {name}: plugin "{name}" not found')

    def names(self) -> list[str]:
        """For /info."""
        return sorted({*self._known, *(point.name for point in entry_points(group=GROUP))})
