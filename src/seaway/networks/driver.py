"""What a network driver and an IPAM driver of somebody else do: a Python package's (entry points
`seaway.network_drivers` and `seaway.ipam_drivers`), or a version 1 plugin's. The built-in drivers are plans
(`networks.plan`) and need none of this.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

GATEWAY_REQUEST = {"RequestAddressType": "com.docker.network.gateway"}


@dataclass(frozen=True, slots=True)
class Subnet:
    """`gateway` in CIDR notation."""

    subnet: str
    gateway: str
    auxiliary: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Interface:
    """Addresses in CIDR notation; "" is for the driver to choose, or none."""

    address: str = ""
    address6: str = ""
    mac: str = ""


@dataclass(frozen=True, slots=True)
class Route:
    """Without a `next_hop` the destination is on the device itself."""

    destination: str
    next_hop: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """`device` is one of the host's, which the engine moves into the container and calls `prefix` and a number; "": the
    container gets no device."""

    device: str = ""
    prefix: str = "eth"
    gateway: str = ""
    gateway6: str = ""
    routes: tuple[Route, ...] = ()


class NetworkDriver(Protocol):
    """Makes networks and their endpoints. Everything may block; the calls about one container come one after the other.

    A container's start is `create_endpoint`, `join`, `publish`; its end `revoke`, `leave`, `delete_endpoint`. What was
    done is undone in that order when a later step fails. To remove what is not there is no error: the engine does so
    after a crash. `create_endpoint` answers what the driver chose where it was given nothing. `info` is asked
    after `join`, and may tell the device's MAC address (`com.docker.network.endpoint.macaddress`). The device is back
    on the host, down and under its old name, before `leave`. A network is created once, not again at an engine's start.

    Errors: EngineError only.
    """

    scope: str

    def create_network(
        self, network_id: str, options: Mapping[str, Any], ipv4: list[Subnet], ipv6: list[Subnet]
    ) -> None: ...
    def delete_network(self, network_id: str) -> None: ...
    def create_endpoint(
        self, network_id: str, endpoint_id: str, interface: Interface, options: Mapping[str, Any]
    ) -> Interface: ...
    def delete_endpoint(self, network_id: str, endpoint_id: str) -> None: ...
    def join(self, network_id: str, endpoint_id: str, sandbox: str, options: Mapping[str, Any]) -> Attachment: ...
    def leave(self, network_id: str, endpoint_id: str) -> None: ...
    def publish(self, network_id: str, endpoint_id: str, options: Mapping[str, Any]) -> None: ...
    def revoke(self, network_id: str, endpoint_id: str) -> None: ...
    def info(self, network_id: str, endpoint_id: str) -> Mapping[str, Any]: ...


@runtime_checkable
class NodeListener(Protocol):
    """A NetworkDriver of scope "global" that wants to know the cluster's engines. `address` is one's IP address, `own`
    that it is this engine. May block. Errors: EngineError only."""

    def node_joined(self, address: str, *, own: bool) -> None: ...
    def node_left(self, address: str, *, own: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class LeasedPool:
    """`data` may name the gateway, in CIDR notation, as `com.docker.network.gateway`."""

    id: str
    subnet: str
    data: Mapping[str, str] = field(default_factory=dict)


class IpamDriver(Protocol):
    """Gives pools to networks and addresses to endpoints. Everything may block.

    `request_pool` with an empty `subnet` is for the driver to choose. `request_address` with an empty `address`, too;
    it answers in CIDR notation. The endpoint's MAC address is among its options where the driver `wants_mac`.

    Errors: EngineError only.
    """

    wants_mac: bool

    def request_pool(self, subnet: str, ip_range: str, options: Mapping[str, str], *, v6: bool) -> LeasedPool: ...
    def release_pool(self, pool_id: str) -> None: ...
    def request_address(self, pool_id: str, address: str, options: Mapping[str, str]) -> str: ...
    def release_address(self, pool_id: str, address: str) -> None: ...
