"""Which driver is meant by a name: the built-in one, a Python package's (entry point), or a version 1 plugin."""

import logging
import threading
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from seaway.base.errors import EngineError, NotFound, SystemFailure
from seaway.plugins.client import CONNECT_TIMEOUT_S, PluginClient
from seaway.plugins.discovery import NoSuchPlugin, PluginDirectories
from seaway.volumes.driver import LOCAL, VolumeDriver
from seaway.volumes.local import LocalDriver
from seaway.volumes.plugin import PluginDriver

log = logging.getLogger(__name__)
GROUP = "seaway.volume_drivers"


class NoSuchDriver(NotFound):
    pass


class DriverFailed(SystemFailure):
    pass


class VolumeDrivers:
    """Blocking. Entry points are called with a directory of their own under the data root, once, when they are first
    named; plugins are activated then, and again after an engine's restart."""

    def __init__(
        self,
        root: Path,
        drivers: Mapping[str, VolumeDriver] | None = None,
        plugins: PluginDirectories | None = None,
        owner: tuple[int, int] = (0, 0),
    ) -> None:
        self._root, self._plugins = root, plugins or PluginDirectories()
        self.local = LocalDriver(root / "volumes", root / "seaway" / "trash", owner)
        self._known: dict[str, VolumeDriver] = {LOCAL: self.local, **(drivers or {})}
        self._loading = threading.Lock()

    def get(self, name: str, *, patience_s: float = CONNECT_TIMEOUT_S) -> VolumeDriver:
        """A plugin that does not listen yet is waited for. Raises NoSuchDriver, DriverFailed."""
        if driver := self._known.get(name):
            return driver
        with self._loading:
            if name not in self._known:
                self._known[name] = self._load(name, patience_s)
            return self._known[name]

    def _load(self, name: str, patience_s: float) -> VolumeDriver:
        try:
            for point in entry_points(group=GROUP, name=name):
                driver: VolumeDriver = point.load()(self._root / "seaway" / "volume-drivers" / name)
                return driver
            return PluginDriver(PluginClient(self._plugins.find(name)), patience_s=patience_s)
        except NoSuchPlugin as err:
            raise NoSuchDriver(f"error looking up volume plugin {name}: {err}") from err
        except EngineError as err:
            raise DriverFailed(f"error looking up volume plugin {name}: {err}") from err

    def loaded(self) -> list[str]:
        """Those that were used since the engine started, for /info."""
        return sorted(self._known)

    def names(self) -> list[str]:
        """All that could be used; loads nothing."""
        points = {point.name for point in entry_points(group=GROUP)}
        return sorted({*self._known, *points, *self._plugins.names()})

    def others(self) -> dict[str, VolumeDriver]:
        """Those beside the local one, for what they have that no container asked for yet. Plugins that do not listen
        now, or do something else, are not among them."""
        found = {}
        for name in self.names():
            try:
                found[name] = self.get(name, patience_s=0)
            except EngineError as err:
                log.debug("%s", err)
        found.pop(LOCAL, None)
        return found
