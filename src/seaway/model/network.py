"""What the user says about networks, and what `inspect` says back: the shapes that wire and disk share."""

from typing import Any

import msgspec


class Struct(msgspec.Struct, frozen=True, rename="pascal"):
    """A Go struct: `AuxiliaryAddresses` in JSON is `auxiliary_addresses` here."""


class PortBinding(Struct, frozen=True):
    """`host_port` is a port, a range `8000-8010`, or empty: any free one."""

    host_ip: str = ""
    host_port: str = ""


# "80/tcp" -> where it is reachable on the host; None: exposed, but not published
PortMap = dict[str, list[PortBinding] | None]


class EndpointIPAMConfig(Struct, frozen=True, omit_defaults=True):
    ipv4_address: str = msgspec.field(default="", name="IPv4Address")
    ipv6_address: str = msgspec.field(default="", name="IPv6Address")
    link_local_ips: list[str] | None = msgspec.field(default=None, name="LinkLocalIPs")


class EndpointSettings(Struct, frozen=True):
    """A container's attachment to one network: the wishes (the first seven) and the outcome."""

    ipam_config: EndpointIPAMConfig | None = msgspec.field(default=None, name="IPAMConfig")
    links: list[str] | None = None
    aliases: list[str] | None = None
    mac_address: str = ""
    driver_opts: dict[str, str] | None = None
    gw_priority: int = 0
    network_id: str = msgspec.field(default="", name="NetworkID")
    endpoint_id: str = msgspec.field(default="", name="EndpointID")
    gateway: str = ""
    ip_address: str = msgspec.field(default="", name="IPAddress")
    ip_prefix_len: int = msgspec.field(default=0, name="IPPrefixLen")
    ipv6_gateway: str = msgspec.field(default="", name="IPv6Gateway")
    global_ipv6_address: str = msgspec.field(default="", name="GlobalIPv6Address")
    global_ipv6_prefix_len: int = msgspec.field(default=0, name="GlobalIPv6PrefixLen")
    dns_names: list[str] | None = msgspec.field(default=None, name="DNSNames")

    def without_outcome(self) -> "EndpointSettings":
        """What survives a stop: the user's wishes and the network's ID."""
        return EndpointSettings(
            ipam_config=self.ipam_config,
            links=self.links,
            aliases=self.aliases,
            driver_opts=self.driver_opts,
            gw_priority=self.gw_priority,
            network_id=self.network_id,
            dns_names=self.dns_names,
        )


class EndpointRecord(EndpointSettings, frozen=True):
    """An attachment as a container's record keeps it. `mac_address` is the outcome, this one the wish."""

    desired_mac_address: str = ""

    def wish(self) -> EndpointSettings:
        return msgspec.structs.replace(self.without_outcome(), mac_address=self.desired_mac_address)

    def with_outcome(self, outcome: EndpointSettings) -> "EndpointRecord":
        """`outcome` may be a record itself: an adopted container's."""
        fields = msgspec.structs.asdict(outcome) | {"desired_mac_address": self.desired_mac_address}
        return EndpointRecord(**fields)

    def ended(self) -> "EndpointRecord":
        """The container has stopped: the outcome is nobody's any more."""
        return self.with_outcome(self.without_outcome())

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = msgspec.to_builtins(self)
        del wire["DesiredMacAddress"]
        return wire


def new_record(wish: EndpointSettings) -> EndpointRecord:
    return EndpointRecord(**msgspec.structs.asdict(wish.without_outcome()), desired_mac_address=wish.mac_address)


class IPAMConfig(Struct, frozen=True, omit_defaults=True):
    """One address pool of a network."""

    subnet: str = ""
    ip_range: str = msgspec.field(default="", name="IPRange")
    gateway: str = ""
    auxiliary_addresses: dict[str, str] | None = None


class IPAM(Struct, frozen=True):
    driver: str = "default"
    options: dict[str, str] | None = None
    config: list[IPAMConfig] | None = None


class NetworkContainer(Struct, frozen=True):
    """A container as `docker network inspect` lists it; addresses carry their prefix length."""

    name: str = ""
    endpoint_id: str = msgspec.field(default="", name="EndpointID")
    mac_address: str = ""
    ipv4_address: str = msgspec.field(default="", name="IPv4Address")
    ipv6_address: str = msgspec.field(default="", name="IPv6Address")


class ConfigReference(Struct, frozen=True):
    network: str = ""


class NetworkResource(Struct, frozen=True):
    """A network on the wire."""

    name: str
    id: str
    created: str
    scope: str = "local"
    driver: str = "bridge"
    enable_ipv4: bool = msgspec.field(default=True, name="EnableIPv4")
    enable_ipv6: bool = msgspec.field(default=False, name="EnableIPv6")
    ipam: IPAM = msgspec.field(default=IPAM(), name="IPAM")
    internal: bool = False
    attachable: bool = False
    ingress: bool = False
    config_from: ConfigReference = ConfigReference()
    config_only: bool = False
    containers: dict[str, NetworkContainer] = {}
    options: dict[str, str] = {}
    labels: dict[str, str] = {}


class NetworkCreate(Struct, frozen=True):
    """The body of `POST /networks/create`."""

    name: str = ""
    driver: str = ""
    ipam: IPAM | None = msgspec.field(default=None, name="IPAM")
    enable_ipv4: bool | None = msgspec.field(default=None, name="EnableIPv4")
    enable_ipv6: bool | None = msgspec.field(default=None, name="EnableIPv6")
    scope: str = ""
    ingress: bool = False
    config_only: bool = False
    config_from: ConfigReference | None = None
    internal: bool = False
    attachable: bool = False
    options: dict[str, str] = {}
    labels: dict[str, str] = {}


def to_wire(value: msgspec.Struct) -> dict[str, Any]:
    wire: dict[str, Any] = msgspec.to_builtins(value)
    return wire
