"""A network as the engine knows it, and how it looks on the wire."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from seaway.base.errors import InvalidParameter, NotFound
from seaway.model.network import IPAM, ConfigReference, IPAMConfig, NetworkContainer, NetworkResource, to_wire
from seaway.networks.firewall.elements import Bridge
from seaway.networks.ipam import Pool, parse_pool
from seaway.networks.overlay.plan import OverlaySettings
from seaway.networks.ports import ANY_V6, default_host_ips

PREDEFINED = ("bridge", "host", "none")
NO_BRIDGE = "none"
BUILT_IN = ("bridge", "host", "null", "macvlan", "ipvlan", "overlay")
OWN_IPAM = ("", "default", "null")
BRIDGE_OPTION = "com.docker.network.bridge."


class NoSuchNetwork(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"network {name} not found")


class AmbiguousNetwork(InvalidParameter):
    def __init__(self, name: str, matches: int) -> None:
        super().__init__(f"network {name} is ambiguous ({matches} matches found based on ID prefix)")


@dataclass(frozen=True, slots=True)
class BridgeSettings:
    """The engine's own bridge: `--bridge`, `--bip`, `--fixed-cidr`, `--mtu`, `--icc`, `--ip-masq`, `--ip`,
    `--default-gateway` (where the containers' default route goes, if not to the bridge itself), and with `--ipv6`
    `--fixed-cidr-v6`, `--bip6`, `--default-gateway-v6`. NO_BRIDGE as its name: there is no default bridge, and who
    asks for no network in particular has none."""

    name: str = "docker0"
    subnet: str = "172.17.0.0/16"
    gateway: str = ""
    ip_range: str = ""
    mtu: int = 1500
    icc: bool = True
    masquerade: bool = True
    default_ip: str = "0.0.0.0"
    default_gateway: str = ""
    subnet6: str = ""
    gateway6: str = ""
    ip_range6: str = ""
    default_gateway6: str = ""
    gateway_mode: str = "nat"
    gateway_mode6: str = "nat"
    without_address: bool = False
    without_address6: bool = False
    link_prefix: str = "eth"
    trusted: tuple[str, ...] = ()
    source: str = ""
    source6: str = ""
    """Where its containers call from, if not from the address of the host's device that they leave by."""
    sole_address: bool = False
    """It is the engine's own: an IPv4 address that other flags gave it goes."""

    def families_in(self, mode: str) -> frozenset[int]:
        return frozenset(v for v, own in ((4, self.gateway_mode), (6, self.gateway_mode6)) if own == mode)


@dataclass(frozen=True, slots=True)
class ParentSettings:
    """Containers are on the wire of the host's device `device`, with addresses of their own; `kind` is the driver,
    `flag` ipvlan's. `network_dummy`: the user named none, and the network has a device that leads nowhere."""

    kind: str
    device: str
    mode: str
    flag: str = ""
    mtu: int = 1500
    network_dummy: bool = False

    @property
    def routes(self) -> bool:
        """The parent's own routes serve: there is no gateway on the wire."""
        return self.kind == "ipvlan" and self.mode != "l2"


@dataclass(frozen=True, slots=True)
class Network:
    """`pool` is None where there are no addresses to give; `bridge` and `overlay` belong to the driver of that name,
    `parent` to macvlan and ipvlan."""

    id: str
    name: str
    driver: str
    created: str
    pool: Pool | None = None
    pool6: Pool | None = None
    bridge: BridgeSettings | None = None
    parent: ParentSettings | None = None
    overlay: OverlaySettings | None = None
    ipam: IPAM = field(default_factory=IPAM)
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    internal: bool = False
    attachable: bool = False
    has_own_subnet: bool = False
    has_own_subnet6: bool = False
    keeps_bridge: bool = False
    """The bridge, or the parent, was there before the network, and stays when it goes."""
    config_only: bool = False
    config_from: str = ""
    pool_id: str = ""
    pool_id6: str = ""
    """What somebody else's IPAM driver calls the pools."""

    @property
    def is_foreign(self) -> bool:
        """Its driver is somebody else's."""
        return self.driver not in BUILT_IN

    @property
    def has_devices(self) -> bool:
        return self.driver not in ("host", "null")

    @property
    def has_addresses(self) -> bool:
        return self.pool is not None or self.pool6 is not None

    @property
    def enables_ipv4(self) -> bool:
        """Also where it has no addresses at all."""
        return self.pool is not None or self.pool6 is None

    @property
    def scope(self) -> str:
        """ "global": all engines of the cluster have it."""
        return "global" if self.driver == "overlay" else "local"

    @property
    def host_ips(self) -> tuple[str, ...]:
        """Where its containers' ports are published that name no address. What is routed is not called by the host's
        addresses, not of the other family either."""
        ips = default_host_ips(self.bridge.default_ip) if self.bridge else default_host_ips()
        if not self.enables_ipv4:
            return tuple(ip for ip in ips if ":" in ip) or (ANY_V6,)
        return tuple(ip for ip in ips if ":" not in ip) if 4 in self.routed and not self.pool6 else ips

    @property
    def routed(self) -> frozenset[int]:
        return self.bridge.families_in("routed") if self.bridge else frozenset()

    def in_firewall(self) -> Bridge | None:
        """Of an overlay network only that its containers may talk, where bridged frames are filtered at all."""
        if self.overlay:
            return Bridge(self.overlay.bridge, subnet="", masquerade=False, internal=True, network=self.name)
        if not self.bridge or not self.has_addresses:
            return None
        masquerade = self.bridge.masquerade and not self.internal
        return Bridge(
            name=self.bridge.name,
            subnet=str(self.pool.subnet) if self.pool else "",
            masquerade=masquerade,
            icc=self.bridge.icc,
            internal=self.internal,
            unprotected=self.bridge.families_in("nat-unprotected"),
            routed=self.routed,
            network=self.name,
            trusted=self.bridge.trusted,
            source=self.bridge.source,
            source6=self.bridge.source6,
            subnet6=str(self.pool6.subnet) if self.pool6 else "",
        )


def default_bridge(network_id: str, created: str, settings: BridgeSettings) -> Network:
    """Raises InvalidParameter."""
    pool, config = _default_pool(settings.subnet, settings.gateway, settings.ip_range, settings.default_gateway)
    configs, pool6 = [config], None
    if settings.subnet6:
        pool6, config6 = _default_pool(
            settings.subnet6, settings.gateway6, settings.ip_range6, settings.default_gateway6
        )
        configs.append(config6)
    options = {
        BRIDGE_OPTION + "default_bridge": "true",
        BRIDGE_OPTION + "enable_icc": str(settings.icc).lower(),
        BRIDGE_OPTION + "enable_ip_masquerade": str(settings.masquerade).lower(),
        BRIDGE_OPTION + "host_binding_ipv4": settings.default_ip,
        BRIDGE_OPTION + "name": settings.name,
        "com.docker.network.driver.mtu": str(settings.mtu),
    }
    return Network(
        id=network_id,
        name="bridge",
        driver="bridge",
        created=created,
        pool=pool,
        pool6=pool6,
        bridge=settings,
        ipam=IPAM(config=configs),
        options=options,
    )


def _default_pool(subnet: str, gateway: str, ip_range: str, default_gateway: str) -> tuple[Pool, IPAMConfig]:
    """Nobody gets the address of the router that the containers' default route leads to."""
    others = {}
    if default_gateway:
        others[f"DefaultGatewayIPv{ip_address(default_gateway).version}"] = default_gateway
    pool = parse_pool(subnet, gateway, ip_range, others.values())
    for name, address in others.items():
        if ip_address(address) not in pool.subnet:
            raise InvalidParameter(
                f"auxiliary address: ({name}:{address}) must belong to the master pool: {pool.subnet}"
            )
    config = IPAMConfig(
        subnet=str(pool.subnet), ip_range=ip_range, gateway=str(pool.gateway), auxiliary_addresses=others or None
    )
    return pool, config


def find_network(networks: Iterable[Network], name: str) -> Network:
    """By name or full ID, else by the beginning of an ID. Raises NoSuchNetwork or AmbiguousNetwork."""
    known = list(networks)
    exact = [n for n in known if n.id == name] or [n for n in known if n.name == name]
    matches = exact or [n for n in known if name and n.id.startswith(name)]
    if len(matches) > 1:
        raise AmbiguousNetwork(name, len(matches))
    if not matches:
        raise NoSuchNetwork(name)
    return matches[0]


def network_resource(network: Network, containers: Mapping[str, NetworkContainer]) -> NetworkResource:
    """`containers` by ID; a list shows none, an inspect those that run."""
    return NetworkResource(
        name=network.name,
        id=network.id,
        created=network.created,
        scope=network.scope,
        driver=network.driver,
        ipam=network.ipam,
        enable_ipv4=network.enables_ipv4,
        enable_ipv6=network.pool6 is not None,
        internal=network.internal,
        attachable=network.attachable,
        config_from=ConfigReference(network=network.config_from),
        config_only=network.config_only,
        containers=dict(containers),
        options=dict(network.options),
        labels=dict(network.labels),
    )


def network_to_wire(network: Network, containers: Mapping[str, NetworkContainer]) -> dict[str, Any]:
    return to_wire(network_resource(network, containers))
