"""Where a container's traffic leaves, and where its published ports lead: for each version of IP its own network."""

from collections.abc import Iterable, Mapping

from seaway.model.network import EndpointSettings
from seaway.networks.network import Network

VERSIONS = (4, 6)


def rank(name: str, settings: EndpointSettings) -> tuple[int, str]:
    """The least goes first: the highest priority, then the first name, as dockerd has it."""
    return -settings.gw_priority, name


def choose_ways_out(networks: Iterable[tuple[Network, EndpointSettings]]) -> dict[int, Network]:
    """By version, whose gateway the default route goes by. A network of one version leaves the other to the next."""
    ranked = sorted(networks, key=lambda on: rank(on[0].name, on[1]))
    open_ones = [n for n, _ in ranked if not n.internal and not n.overlay]
    found = {v: next((n for n in open_ones if (n.pool if v == 4 else n.pool6)), None) for v in VERSIONS}
    return {version: network for version, network in found.items() if network}


def ways_by(network: Network, ways_out: Mapping[int, Network]) -> frozenset[int]:
    """The versions whose way out is this network."""
    return frozenset(version for version, chosen in ways_out.items() if chosen is network)
