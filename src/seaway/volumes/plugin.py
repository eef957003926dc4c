"""Volumes of a version 1 plugin: the protocol `VolumeDriver` (docs.docker.com/engine/extend/plugins_volume)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seaway.base.errors import EngineError, SystemFailure
from seaway.plugins.client import CONNECT_TIMEOUT_S, PluginClient

SUBSYSTEM = "VolumeDriver"
LONG_S, SHORT_S = 120.0, 60.0
_SLOW = frozenset({"Create", "Mount"})


class NotAVolumePlugin(SystemFailure):
    pass


class PluginDriver:
    """One plugin, activated. What it answers is not trusted further than it has to be: a path must be absolute."""

    def __init__(self, client: PluginClient, *, patience_s: float = CONNECT_TIMEOUT_S) -> None:
        """Blocking. Raises NotAVolumePlugin, PluginFailed."""
        self._client = client
        if SUBSYSTEM not in client.activate(patience_s=patience_s):
            raise NotAVolumePlugin("Plugin does not implement the requested driver")
        self.scope = self._find_scope()

    def _find_scope(self) -> str:
        try:
            answer = self._call("Capabilities").get("Capabilities") or {}
        except EngineError:  # an old plugin, which knows no capabilities
            return "local"
        scope = str(answer.get("Scope", "")).lower()
        return scope if scope in ("local", "global") else "local"

    def validate(self, name: str, options: Mapping[str, str]) -> None:
        """The plugin judges."""

    def create(self, name: str, options: Mapping[str, str]) -> None:
        self._call("Create", Name=name, Opts=dict(options))

    def remove(self, name: str) -> None:
        if name in self.names():
            self._call("Remove", Name=name)

    def path(self, name: str) -> str:
        return str(self._call("Path", Name=name).get("Mountpoint") or "")

    def mount(self, name: str, user: str) -> Path:
        where = str(self._call("Mount", Name=name, ID=user).get("Mountpoint") or "")
        if not where.startswith("/"):
            raise SystemFailure(f"{SUBSYSTEM}.Mount: the plugin gave no mountpoint for volume {name}")
        return Path(where)

    def unmount(self, name: str, user: str) -> None:
        self._call("Unmount", Name=name, ID=user)

    def status(self, name: str) -> dict[str, Any] | None:
        volume = self._call("Get", Name=name).get("Volume") or {}
        return volume.get("Status") or None

    def names(self) -> list[str]:
        """A list does not wait for a plugin that does not listen."""
        volumes = self._client.call(f"{SUBSYSTEM}.List", {}, SHORT_S, patience_s=0).get("Volumes") or []
        return sorted(str(volume["Name"]) for volume in volumes if isinstance(volume, dict) and volume.get("Name"))

    def _call(self, method: str, **arguments: Any) -> dict[str, Any]:
        timeout_s = LONG_S if method in _SLOW else SHORT_S
        return self._client.call(f"{SUBSYSTEM}.{method}", arguments, timeout_s)
