"""Which networks a new container asks for, and how. Values in, values out; the texts are dockerd's."""

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.base.ids import short_id
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.links import parse_link
from seaway.model.network import EndpointIPAMConfig, EndpointRecord, EndpointSettings, new_record
from seaway.networks.network import PREDEFINED, Network, NoSuchNetwork, find_network
from seaway.networks.plan import IFNAME, SYSCTLS
from seaway.networks.rates import RX, TX, parse_rates

MAC = re.compile(r"(?!00([:-]00){5})[0-9a-f][02468ace]([:-][0-9a-f]{2}){5}", re.IGNORECASE)
"""Of one device: no multicast address, and not the empty one."""
DEVICE = re.compile(r"(?!(lo|all|default|\.\.?)$)[^\s/:%\x00]+")
LONGEST_DEVICE_BYTES = 15
MAC_WARNING = (
    "The container-wide MacAddress field is now deprecated. It should be specified in EndpointsConfig instead."
)


def is_user_defined(name: str) -> bool:
    return name not in (*PREDEFINED, "default", "") and not name.startswith("container:")


def plan_endpoints(
    config: ContainerConfig,
    host_config: HostConfig,
    wishes: Mapping[str, EndpointSettings | None],
    networks: Iterable[Network],
) -> dict[str, EndpointRecord]:
    """By network name, the network of the container's mode first. Raises InvalidParameter."""
    known = list(networks)
    _validate_all(wishes, known)
    if config.network_disabled is True or host_config.network_mode.startswith("container:"):
        return {}
    main = _name(host_config.network_mode, known)
    named = {_name(name, known): wish or EndpointSettings() for name, wish in wishes.items()}
    if isinstance(config.mac_address, str) and config.mac_address:
        named[main] = _with_mac(named.get(main, EndpointSettings()), config.mac_address)
    names = [*([main] if main in named or not named else []), *(n for n in named if n != main)]
    return {name: new_record(named.get(name, EndpointSettings())) for name in names}


def dns_names(container_id: str, name: str, hostname: str, aliases: Iterable[str]) -> list[str]:
    """What others on a user's network may call the container; the first is what its address is called."""
    return list(dict.fromkeys(n for n in (name, *aliases, short_id(container_id), hostname) if n))


def validate_endpoint(network: Network | None, name: str, wish: EndpointSettings) -> None:
    """Raises InvalidParameter, with every fault there is. `network` None: it is not there yet."""
    ipam = wish.ipam_config or EndpointIPAMConfig()
    faults = []
    if not is_user_defined(name):
        if ipam.ipv4_address or ipam.ipv6_address:
            faults.append("user specified IP address is supported on user defined networks only")
        if wish.aliases:
            faults.append("network-scoped alias is supported only for containers in user defined networks")
    faults += _address_faults(ipam)
    if network and not faults:
        faults += [
            fault for address in (ipam.ipv4_address, ipam.ipv6_address) if (fault := _range_fault(address, network))
        ]
    for link in wish.links or ():
        parse_link(link)
    if wish.mac_address and not MAC.fullmatch(wish.mac_address):
        raise InvalidParameter(f"invalid MAC address {wish.mac_address}")
    faults += _rate_faults(network, wish)
    faults += _ifname_faults((wish.driver_opts or {}).get(IFNAME, ""))
    faults += _sysctl_faults((wish.driver_opts or {}).get(SYSCTLS, ""))
    if faults:
        raise InvalidParameter(f"invalid endpoint settings:\n{join_faults(faults)}")


def _rate_faults(network: Network | None, wish: EndpointSettings) -> list[str]:
    try:
        rates = parse_rates(wish.driver_opts)
    except InvalidParameter as bad:
        return [str(bad)]
    if rates.rx and network and not network.bridge:
        return [f"{RX} needs a network of the bridge driver, {network.name} has {network.driver}"]
    if rates and network and network.driver in ("host", "null"):
        return [f"{TX} needs a device of the container's own, {network.name} has none"]
    return []


def join_faults(faults: list[str]) -> str:
    return faults[0] if len(faults) == 1 else "\n".join("* " + f.replace("\n", "\n\t") for f in faults)


def _validate_all(wishes: Mapping[str, EndpointSettings | None], networks: list[Network]) -> None:
    faults = []
    for name, wish in wishes.items():
        if wish is None:
            faults.append(f"no EndpointSettings for {name}")
            continue
        try:
            validate_endpoint(_find(name, networks), name, wish)
        except InvalidParameter as invalid:
            faults.append(f"invalid config for network {name}: {invalid}")
    if faults:
        raise InvalidParameter(join_faults(faults))


def _with_mac(wish: EndpointSettings, mac: str) -> EndpointSettings:
    if wish.mac_address and wish.mac_address != mac:
        raise InvalidParameter(
            "the container-wide MAC address must match the endpoint-specific MAC address for the main network, "
            "or be left empty"
        )
    return msgspec.structs.replace(wish, mac_address=mac)


def _name(name: str, networks: list[Network]) -> str:
    """A network may be named by its ID; one that is not there keeps the name that it was called."""
    network = _find("bridge" if name in ("", "default") else name, networks)
    return network.name if network else name


def _find(name: str, networks: list[Network]) -> Network | None:
    try:
        return find_network(networks, name)
    except NoSuchNetwork:
        return None


def _address_faults(ipam: EndpointIPAMConfig) -> list[str]:
    faults = []
    for version, address in ((4, ipam.ipv4_address), (6, ipam.ipv6_address)):
        if address and not _is_address(address, version):
            faults.append(f"invalid IPv{version} address: {address}")
    faults += [f"invalid link-local IP address: {a}" for a in ipam.link_local_ips or () if not _is_address(a)]
    strange = [a for a in ipam.link_local_ips or () if _is_address(a) and not ip_address(a).is_link_local]
    faults += [f"invalid link local IP address: {a}" for a in strange]
    return faults


def _is_address(text: str, version: int | None = None) -> bool:
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return version in (None, address.version) and not address.is_unspecified


def _range_fault(address: str, network: Network) -> str:
    if not address:
        return ""
    wanted = ip_address(address)
    pool = network.pool if wanted.version == 4 else network.pool6
    if pool and (network.has_own_subnet if wanted.version == 4 else network.has_own_subnet6):
        return "" if wanted in pool.subnet else f"no configured subnet or ip-range contain the IP address {address}"
    return "user specified IP address is supported only when connecting to networks with user configured subnets"


def _ifname_faults(name: str) -> list[str]:
    """The kernel's rules, and the names that every network namespace has already."""
    if not name or (DEVICE.fullmatch(name) and len(name.encode()) <= LONGEST_DEVICE_BYTES):
        return []
    return [f"invalid interface name: {name}"]


def _sysctl_faults(text: str) -> list[str]:
    faults = []
    for sysctl in text.split(",") if text else ():
        parts = sysctl.split(".", 4)
        if len(parts) != 5 or parts[1] not in ("ipv4", "ipv6", "mpls") or parts[3].lower() != "ifname":
            faults.append(
                f"unrecognised network interface sysctl '{sysctl}'; represent 'net.X.Y.ethN.Z=V' as "
                "'net.X.Y.IFNAME.Z=V', 'X' must be 'ipv4', 'ipv6' or 'mpls'"
            )
    return faults
