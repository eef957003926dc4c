"""From sandboxes to what the DNS server is told of them. Pure."""

from collections.abc import Iterable

from seaway.model.network import EndpointSettings
from seaway.networks.dns.client import RecordToTell, ViewToTell
from seaway.networks.network import PREDEFINED, Network
from seaway.networks.sandbox import Sandbox


def is_resolved(network: Network) -> bool:
    """The predefined networks have no DNS of the engine's."""
    return network.name not in PREDEFINED and network.has_addresses


def record_of(network: Network, endpoint: EndpointSettings) -> RecordToTell:
    addresses = [a for a in (endpoint.ip_address, endpoint.global_ipv6_address) if a]
    return RecordToTell(network.id, network.name, addresses, list(endpoint.dns_names or ()))


def view_of(sandbox: Sandbox, networks: Iterable[Network]) -> ViewToTell | None:
    """None where nobody answers at 127.0.0.11. A container on internal networks alone asks nobody outside."""
    on = list(networks)
    resolved = [n for n in on if is_resolved(n)]
    if not resolved or sandbox.netns_path is None:
        return None
    links = [link for e in sandbox.endpoints.values() for link in e.links or ()]
    named = (link.partition(":")[::2] for link in links)
    closed = all(n.internal for n in on)
    return ViewToTell(
        netns=str(sandbox.netns_path),
        networks=[n.id for n in resolved],
        links={(alias or name).lower(): name.lower() for name, alias in named},
        servers=[] if closed else [(s.address, s.in_host) for s in sandbox.servers],
    )
