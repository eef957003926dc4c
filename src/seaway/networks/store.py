"""The user's networks on disk: one row each in SQLite, its JSON being the network's on the wire.

The predefined ones are made anew at each start, with new IDs, as dockerd does.
"""

from pathlib import Path

from seaway.base import gojson
from seaway.kernel.database import Database
from seaway.model.network import IPAMConfig, NetworkResource
from seaway.networks.ipam import parse_pool
from seaway.networks.network import Network, network_resource
from seaway.networks.usernet import bridge_settings

SCHEMA = "CREATE TABLE IF NOT EXISTS networks (id TEXT PRIMARY KEY, resource TEXT NOT NULL)"


class NetworkStore:
    """Blocking."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA)

    def all(self) -> list[Network]:
        """In the order in which they were made."""
        rows = self._database.rows("SELECT resource FROM networks ORDER BY rowid")
        return [_network(gojson.decode(resource, NetworkResource)) for (resource,) in rows]

    def put(self, network: Network) -> None:
        resource = gojson.encode(network_resource(network, {})).decode()
        self._database.write("INSERT OR REPLACE INTO networks VALUES (?, ?)", (network.id, resource))

    def delete(self, network_id: str) -> None:
        self._database.write("DELETE FROM networks WHERE id = ?", (network_id,))


def _network(resource: NetworkResource) -> Network:
    config = next(iter(resource.ipam.config or ()), IPAMConfig())
    reserved = (config.auxiliary_addresses or {}).values()
    return Network(
        id=resource.id,
        name=resource.name,
        driver=resource.driver,
        created=resource.created,
        pool=parse_pool(config.subnet, config.gateway, config.ip_range, reserved),
        bridge=bridge_settings(resource.id, resource.options),
        ipam=resource.ipam,
        options=resource.options,
        labels=resource.labels,
        internal=resource.internal,
        attachable=resource.attachable,
    )
