"""A sandbox: a container's network namespace, and what connects it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.model.network import EndpointSettings, PortBinding, PortMap
from seaway.networks.files import ExternalServer
from seaway.networks.firewall.elements import PublishedPort
from seaway.networks.ports import parse_exposed, parse_port
from seaway.networks.wayout import rank

GWBRIDGE = "docker_gwbridge"


class ExternalConnectivityFailed(SystemFailure):
    def __init__(self, name: str, endpoint_id: str, cause: Exception) -> None:
        super().__init__(f"driver failed programming external connectivity on endpoint {name} ({endpoint_id}): {cause}")


@dataclass(frozen=True, slots=True)
class SandboxRequest:
    """`name` is the container's, without a slash; `endpoints` are wishes by network name. An empty one is the
    network of `network_mode`: "bridge" (or "default", ""), "none", "host", or a network's name or ID. With `ids` it
    gets a user namespace too."""

    name: str
    network_mode: str = "bridge"
    endpoints: Mapping[str, EndpointSettings | None] = field(default_factory=dict)
    port_bindings: Mapping[str, Sequence[PortBinding] | None] = field(default_factory=dict)
    exposed_ports: Iterable[str] = ()
    publish_all: bool = False
    mac_address: str = ""
    external_servers: Sequence[ExternalServer] = ()
    ids: IdMap = NO_SHIFT


@dataclass(frozen=True, slots=True)
class Sandbox:
    """`netns_path` is None in the host's namespace. All but the path's text is what `restore` needs
    again. `servers` are those that DNS asks for it."""

    id: str
    netns_path: Path | None
    endpoints: Mapping[str, EndpointSettings]
    ports: PortMap = field(default_factory=dict)
    servers: Sequence[ExternalServer] = ()
    gateway: EndpointSettings | None = None
    """On GWBRIDGE, where no network of the container has a way out; not one of the container's own."""

    @property
    def attachments(self) -> dict[str, EndpointSettings]:
        """All that there are devices for."""
        return {**self.endpoints, **({GWBRIDGE: self.gateway} if self.gateway else {})}

    @property
    def key(self) -> str:
        return str(self.netns_path) if self.netns_path else "/var/run/docker/netns/default"

    def way_out(self, version: int) -> EndpointSettings | None:
        """The endpoint by whose gateway that version of IP leaves."""
        reachable = [on for on in self.attachments.items() if all(_way(on[1], version))]
        return min(reachable, key=lambda on: rank(*on))[1] if reachable else None

    @property
    def published_endpoint(self) -> EndpointSettings | None:
        """Where published ports lead: the endpoint with the way out."""
        return self.way_out(4) or self.way_out(6)

    def target_of(self, host_ip: str) -> str:
        """Whichever address of the container is of the family of the host's, if it has such a one."""
        four, six = self.way_out(4), self.way_out(6)
        addresses = four.ip_address if four else "", six.global_ipv6_address if six else ""
        return next(filter(None, reversed(addresses) if ":" in host_ip else addresses), "")

    @property
    def published(self) -> tuple[PublishedPort, ...]:
        return tuple(
            PublishedPort(protocol, b.host_ip, int(b.host_port or 0), self.target_of(b.host_ip), number)
            for key, bindings in self.ports.items()
            for number, protocol in (parse_port(key),)
            for b in bindings or ()
        )


def _way(endpoint: EndpointSettings, version: int) -> tuple[str, str]:
    """Its address and its gateway."""
    if version == 4:
        return endpoint.ip_address, endpoint.gateway
    return endpoint.global_ipv6_address, endpoint.ipv6_gateway


def port_map(published: Iterable[PublishedPort], exposed: Iterable[str]) -> PortMap:
    """As inspect shows it: an exposed port that is not published is null."""
    ports: PortMap = {f"{number}/{protocol}": None for number, protocol in parse_exposed(exposed)}
    for port in published:
        key = f"{port.container_port}/{port.protocol}"
        ports[key] = [*(ports.get(key) or ()), PortBinding(port.host_ip, str(port.host_port or ""))]
    return ports
