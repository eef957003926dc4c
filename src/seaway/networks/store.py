"""The user's networks on disk: one row each in SQLite, its JSON being the network's on the wire.

The predefined ones are made anew at each start, with new IDs, as dockerd does.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from seaway.base import gojson
from seaway.model.network import IPAMConfig, NetworkResource
from seaway.networks.ipam import parse_pool
from seaway.networks.network import Network, network_resource
from seaway.networks.usernet import bridge_settings

SCHEMA = "CREATE TABLE IF NOT EXISTS networks (id TEXT PRIMARY KEY, resource TEXT NOT NULL)"


class NetworkStore:
    """`path`'s directory is made when there is something to keep. Blocking."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def all(self) -> list[Network]:
        """In the order in which they were made."""
        if not self._path.exists():
            return []
        with self._database() as database:
            rows = database.execute("SELECT resource FROM networks ORDER BY rowid").fetchall()
        return [_network(gojson.decode(resource, NetworkResource)) for (resource,) in rows]

    def put(self, network: Network) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        resource = gojson.encode(network_resource(network, {})).decode()
        with self._database() as database:
            database.execute("INSERT OR REPLACE INTO networks VALUES (?, ?)", (network.id, resource))

    def delete(self, network_id: str) -> None:
        if self._path.exists():
            with self._database() as database:
                database.execute("DELETE FROM networks WHERE id = ?", (network_id,))

    @contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        database = sqlite3.connect(self._path)
        try:
            database.execute("PRAGMA journal_mode = WAL")
            with database:
                database.execute(SCHEMA)
                yield database
        finally:
            database.close()


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
