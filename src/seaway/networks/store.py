"""The user's networks on disk: one row each in SQLite, its JSON being the network's on the wire.

The predefined ones are made anew at each start, with new IDs, as dockerd does.
"""

from dataclasses import replace
from pathlib import Path

import msgspec

from seaway.base import gojson
from seaway.kernel.database import Database
from seaway.model.network import IPAMConfig, NetworkResource
from seaway.networks.drivers import settings_of
from seaway.networks.ipam import Pool, parse_pool
from seaway.networks.network import Network, network_resource

SCHEMA = "CREATE TABLE IF NOT EXISTS networks (id TEXT PRIMARY KEY, resource TEXT NOT NULL)"


class NetworkStore:
    """Blocking."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path, SCHEMA)

    def all(self) -> list[Network]:
        """In the order in which they were made."""
        rows = self._database.rows("SELECT resource FROM networks ORDER BY rowid")
        return [_network(gojson.decode(resource, _Row)) for (resource,) in rows]

    def put(self, network: Network) -> None:
        resource = gojson.encode(_row(network)).decode()
        self._database.write("INSERT OR REPLACE INTO networks VALUES (?, ?)", (network.id, resource))

    def delete(self, network_id: str) -> None:
        self._database.write("DELETE FROM networks WHERE id = ?", (network_id,))


class _Row(NetworkResource, frozen=True):
    """What the wire does not say, too."""

    has_own_subnet: bool = False
    has_own_subnet6: bool = False
    keeps_bridge: bool = False


def _row(network: Network) -> _Row:
    fields = msgspec.structs.asdict(network_resource(network, {}))
    return _Row(
        **fields,
        has_own_subnet=network.has_own_subnet,
        has_own_subnet6=network.has_own_subnet6,
        keeps_bridge=network.keeps_bridge,
    )


def _network(row: _Row) -> Network:
    pools = {pool.subnet.version: pool for pool in map(_pool, () if row.config_only else row.ipam.config or ())}
    network = Network(
        id=row.id,
        name=row.name,
        driver=row.driver,
        created=row.created,
        pool=pools.get(4),
        pool6=pools.get(6),
        ipam=row.ipam,
        options=row.options,
        labels=row.labels,
        internal=row.internal,
        attachable=row.attachable,
        has_own_subnet=row.has_own_subnet,
        has_own_subnet6=row.has_own_subnet6,
        keeps_bridge=row.keeps_bridge,
        config_only=row.config_only,
        config_from=row.config_from.network,
    )
    bridge, macvlan = settings_of(network)
    return replace(network, bridge=bridge, macvlan=macvlan)


def _pool(config: IPAMConfig) -> Pool:
    return parse_pool(config.subnet, config.gateway, config.ip_range, (config.auxiliary_addresses or {}).values())
