"""What the cluster's store says of networks and endpoints, parsed once, as it changes. No input or output."""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import TypeVar

import msgspec

from seaway.base import gojson
from seaway.base.errors import EngineError
from seaway.networks.ipam import Address
from seaway.networks.network import Network
from seaway.networks.overlay.records import ENDPOINTS, NETWORKS, EndpointInCluster, parse_endpoint
from seaway.networks.rows import NetworkRow, from_row

log = logging.getLogger(__name__)
T = TypeVar("T")


@dataclass
class Changes:
    """`endpoints`: which networks have others than before."""

    made: list[Network] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    endpoints: set[str] = field(default_factory=set)
    told: dict[tuple[str, str], EndpointInCluster | None] = field(default_factory=dict)
    """By network ID and address: who has it now, None: nobody."""


class Directory:
    def __init__(self) -> None:
        self.networks: dict[str, Network] = {}
        self._endpoints: dict[str, dict[str, EndpointInCluster]] = {}

    def endpoints(self, network_id: str) -> Mapping[str, EndpointInCluster]:
        """By address."""
        return self._endpoints.get(network_id, {})

    def addresses(self, network_id: str) -> frozenset[Address]:
        return frozenset(ip_address(a) for a in self.endpoints(network_id))

    def update(self, entries: Mapping[str, str], keys: Iterable[str]) -> Changes:
        """`keys` are those that changed; what is not in `entries` is gone. A record that is no record is logged."""
        changes = Changes()
        for key in sorted(keys, reverse=True):  # networks before endpoints
            if key.startswith(NETWORKS):
                self._network(changes, key.removeprefix(NETWORKS), _parsed(key, entries.get(key), parse_network))
            elif key.startswith(ENDPOINTS):
                network_id, _, address = key.removeprefix(ENDPOINTS).partition("/")
                self._endpoint(changes, network_id, address, _parsed(key, entries.get(key), parse_endpoint))
        return changes

    def _network(self, changes: Changes, network_id: str, network: Network | None) -> None:
        if network:
            self.networks[network_id] = network
            changes.made.append(network)
        elif self.networks.pop(network_id, None):
            changes.gone.append(network_id)

    def _endpoint(self, changes: Changes, network_id: str, address: str, endpoint: EndpointInCluster | None) -> None:
        known = self._endpoints.setdefault(network_id, {})
        if endpoint:
            known[address] = endpoint
        else:
            known.pop(address, None)
        if not known:
            del self._endpoints[network_id]
        changes.endpoints.add(network_id)
        changes.told[network_id, address] = endpoint


def parse_network(text: str) -> Network:
    return from_row(gojson.decode(text.encode(), NetworkRow))


def _parsed(key: str, text: str | None, parse: Callable[[str], T]) -> T | None:
    if text is None:
        return None
    try:
        return parse(text)
    except (msgspec.MsgspecError, EngineError, ValueError) as invalid:
        log.error("the cluster store's %s is not understood: %s", key, invalid)
        return None
