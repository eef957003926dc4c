"""The containers that are on a network now. Derived from their sandboxes, never stored with the network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.model.network import EndpointSettings, NetworkContainer
from seaway.networks.plan import host_link
from seaway.networks.sandbox import GWBRIDGE, Sandbox


@dataclass(frozen=True, slots=True)
class Joined:
    """`name` is the container's, without a slash."""

    name: str
    sandbox: Sandbox


def containers_on(network_name: str, joined: Mapping[str, Joined]) -> dict[str, NetworkContainer]:
    """By container ID, as `docker network inspect` shows them."""
    found = {i: _shown(one.name, e) for i, one in joined.items() if (e := one.sandbox.endpoints.get(network_name))}
    if network_name == GWBRIDGE:
        named = ((f"gateway_{one.sandbox.id[:12]}", one.sandbox.gateway) for one in joined.values())
        found |= {name: _shown(name, gateway) for name, gateway in named if gateway}
    return found


def _shown(name: str, endpoint: EndpointSettings) -> NetworkContainer:
    four, six = endpoint.ip_address, endpoint.global_ipv6_address
    return NetworkContainer(
        name=name,
        endpoint_id=endpoint.endpoint_id,
        mac_address=endpoint.mac_address,
        ipv4_address=f"{four}/{endpoint.ip_prefix_len}" if four else "",
        ipv6_address=f"{six}/{endpoint.global_ipv6_prefix_len}" if six else "",
    )


def owned_names(joined: Iterable[Joined]) -> frozenset[str]:
    """The devices and the namespace files that must outlive a sweep."""
    sandboxes = [one.sandbox for one in joined]
    devices = {host_link(e.endpoint_id) for s in sandboxes for e in s.attachments.values()}
    return frozenset(devices | {s.netns_path.name for s in sandboxes if s.netns_path})
