"""A network as a record: its JSON on the wire, and what the wire does not say. Pure."""

import msgspec

from seaway.model.network import IPAMConfig, NetworkResource
from seaway.networks.drivers import with_old_settings
from seaway.networks.ipam import Pool, parse_pool
from seaway.networks.network import Network, network_resource


class NetworkRow(NetworkResource, frozen=True):
    """What the wire does not say, too."""

    has_own_subnet: bool = False
    has_own_subnet6: bool = False
    keeps_bridge: bool = False
    pool_id: str = ""
    pool_id6: str = ""


def to_row(network: Network) -> NetworkRow:
    fields = msgspec.structs.asdict(network_resource(network, {}))
    return NetworkRow(
        **fields,
        has_own_subnet=network.has_own_subnet,
        has_own_subnet6=network.has_own_subnet6,
        keeps_bridge=network.keeps_bridge,
        pool_id=network.pool_id,
        pool_id6=network.pool_id6,
    )


def from_row(row: NetworkRow) -> Network:
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
        pool_id=row.pool_id,
        pool_id6=row.pool_id6,
        config_only=row.config_only,
        config_from=row.config_from.network,
    )
    return with_old_settings(network)


def _pool(config: IPAMConfig) -> Pool:
    return parse_pool(config.subnet, config.gateway, config.ip_range, (config.auxiliary_addresses or {}).values())
