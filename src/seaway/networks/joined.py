"""The containers that are on a network now. Derived from their sandboxes, never stored with the network."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from seaway.model.network import NetworkContainer
from seaway.networks.plan import host_link
from seaway.networks.sandbox import Sandbox


@dataclass(frozen=True, slots=True)
class Joined:
    """`name` is the container's, without a slash."""

    name: str
    sandbox: Sandbox


def containers_on(network_name: str, joined: Mapping[str, Joined]) -> dict[str, NetworkContainer]:
    """By container ID, as `docker network inspect` shows them."""
    return {
        container_id: NetworkContainer(
            name=one.name,
            endpoint_id=endpoint.endpoint_id,
            mac_address=endpoint.mac_address,
            ipv4_address=f"{endpoint.ip_address}/{endpoint.ip_prefix_len}" if endpoint.ip_address else "",
            ipv6_address=f"{endpoint.global_ipv6_address}/{endpoint.global_ipv6_prefix_len}"
            if endpoint.global_ipv6_address
            else "",
        )
        for container_id, one in joined.items()
        if (endpoint := one.sandbox.endpoints.get(network_name))
    }


def owned_names(joined: Iterable[Joined]) -> frozenset[str]:
    """The devices and the namespace files that must outlive a sweep."""
    sandboxes = [one.sandbox for one in joined]
    devices = {host_link(e.endpoint_id) for s in sandboxes for e in s.endpoints.values()}
    return frozenset(devices | {s.netns_path.name for s in sandboxes if s.netns_path})
