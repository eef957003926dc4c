"""Authorization plugins (`authz`): each is asked about every request, and about its reply before that leaves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seaway.base.errors import Forbidden, SystemFailure
from seaway.plugins.client import PluginClient, PluginFailed
from seaway.plugins.discovery import NoSuchPlugin, PluginDirectories

IMPLEMENTS = "authz"
REQUEST, REPLY = "AuthZPlugin.AuthZReq", "AuthZPlugin.AuthZRes"


class AuthorizationPlugins:
    """Blocking. `names` are those of the configuration now; each is looked up anew, so it may come back elsewhere."""

    def __init__(self, names: Callable[[], Sequence[str]], directories: PluginDirectories | None = None) -> None:
        self._names, self._directories = names, directories or PluginDirectories()
        self._active: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._names())

    def require_all(self) -> None:
        """At the engine's start. Raises SystemFailure for one that is not there."""
        for name in self._names():
            try:
                self._directories.find(name)
            except NoSuchPlugin as missing:
                raise SystemFailure(f"failed to validate authorization plugin: {missing}") from missing

    def ask(self, method: str, subject: Mapping[str, Any]) -> None:
        """In the order of the configuration. Raises Forbidden where one denies, SystemFailure where one fails."""
        for name in self._names():
            try:
                answer = self._client(name).call(method, subject)
            except (PluginFailed, NoSuchPlugin) as failed:
                raise SystemFailure(f"plugin {name} failed with error: {failed}") from failed
            if not answer.get("Allow"):
                raise Forbidden(f"authorization denied by plugin {name}: {answer.get('Msg') or ''}")

    def _client(self, name: str) -> PluginClient:
        client = PluginClient(self._directories.find(name))
        if name not in self._active:
            if IMPLEMENTS not in client.activate():
                raise PluginFailed(f"plugin {name} does not implement {IMPLEMENTS}")
            self._active.add(name)
        return client
