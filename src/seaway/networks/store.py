"""The user's networks on disk: one row each in SQLite, its JSON being the network's on the wire.

The predefined ones are made anew at each start, with new IDs, as dockerd does.
"""

from pathlib import Path

from seaway.base import gojson
from seaway.kernel.database import Database
from seaway.networks.network import Network
from seaway.networks.rows import NetworkRow, from_row, to_row

SCHEMA = "CREATE TABLE IF NOT EXISTS networks (id TEXT PRIMARY KEY, resource TEXT NOT NULL)"


class NetworkStore:
    """Blocking."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA)

    def all(self) -> list[Network]:
        """In the order in which they were made."""
        rows = self._database.rows("SELECT resource FROM networks ORDER BY rowid")
        return [from_row(gojson.decode(resource, NetworkRow)) for (resource,) in rows]

    def put(self, network: Network) -> None:
        resource = gojson.encode(to_row(network)).decode()
        self._database.write("INSERT OR REPLACE INTO networks VALUES (?, ?)", (network.id, resource))

    def delete(self, network_id: str) -> None:
        self._database.write("DELETE FROM networks WHERE id = ?", (network_id,))
