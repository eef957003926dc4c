"""Which driver of somebody else is meant by a name: a Python package's (entry point), or a version 1 plugin's."""

import threading
from importlib.metadata import entry_points
from typing import Any

from seaway.networks.driver import IpamDriver, NetworkDriver
from seaway.networks.plugin import RemoteIpamDriver, RemoteNetworkDriver
from seaway.plugins.client import PluginClient
from seaway.plugins.discovery import PluginDirectories

NETWORK_GROUP, IPAM_GROUP = "seaway.network_drivers", "seaway.ipam_drivers"


class NetworkExtensions:
    """Blocking. A driver is made when it is first named: an entry point is called without arguments, a plugin is
    activated. Raises NoSuchPlugin, PluginFailed, NotImplementedByPlugin."""

    def __init__(self, plugins: PluginDirectories | None = None) -> None:
        self._plugins = plugins or PluginDirectories()
        self._networks: dict[str, NetworkDriver] = {}
        self._ipam: dict[str, IpamDriver] = {}
        self._loading = threading.Lock()

    def network(self, name: str) -> NetworkDriver:
        with self._loading:
            if name not in self._networks:
                driver: NetworkDriver = _from_package(NETWORK_GROUP, name) or RemoteNetworkDriver(self._client(name))
                self._networks[name] = driver
            return self._networks[name]

    def in_use(self) -> dict[str, NetworkDriver]:
        return dict(self._networks)

    def ipam(self, name: str) -> IpamDriver:
        with self._loading:
            if name not in self._ipam:
                driver: IpamDriver = _from_package(IPAM_GROUP, name) or RemoteIpamDriver(self._client(name))
                self._ipam[name] = driver
            return self._ipam[name]

    def _client(self, name: str) -> PluginClient:
        return PluginClient(self._plugins.find(name))


def _from_package(group: str, name: str) -> Any:
    return next((point.load()() for point in entry_points(group=group, name=name)), None)
