"""What a driver's options say. Pure; an option that nobody knows is kept and does nothing, as in dockerd."""

import re
from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

from seaway.base.errors import InvalidParameter
from seaway.networks.network import BRIDGE_OPTION, BridgeSettings, Network, ParentSettings
from seaway.networks.overlay.plan import overlay_settings

MTU_OPTION = "com.docker.network.driver.mtu"
IFACE_PREFIX = "com.docker.network.container_iface_prefix"
TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
DEVICE = re.compile(r"[\w.@+=~-]{1,15}", re.ASCII)
LONGEST_NAME = 15
MTUS = range(68, 65536)
"""What the kernel gives a bridge or an Ethernet device."""
GATEWAY_MODES = ("nat", "nat-unprotected", "routed", "isolated")
MODES = {"macvlan": ("bridge", "private", "vepa", "passthru"), "ipvlan": ("l2", "l3", "l3s")}
IPVLAN_FLAGS = ("bridge", "private", "vepa")
DUMMY_PREFIX = {"macvlan": "dm-", "ipvlan": "di-"}


def with_settings(network: Network) -> Network:
    """With what its options mean to its driver. Raises InvalidParameter."""
    match network.driver:
        case "bridge":
            return replace(network, bridge=bridge_settings(network.id, network.options, internal=network.internal))
        case "macvlan" | "ipvlan":
            return replace(network, parent=parent_settings(network))
        case "overlay":
            return replace(network, overlay=overlay_settings(network.id, network.options))
        case _:
            return network


def with_old_settings(network: Network) -> Network:
    """Of a network that is there already: what an earlier engine took and this one refuses is kept and does nothing."""
    try:
        return with_settings(network)
    except InvalidParameter:
        understood = {name: value for name, value in network.options.items() if _is_taken(network, name, value)}
        return replace(with_settings(replace(network, options=understood)), options=network.options)


def _is_taken(network: Network, name: str, value: str) -> bool:
    try:
        with_settings(replace(network, options={name: value}))
    except InvalidParameter:
        return False
    return True


def bridge_settings(network_id: str, options: Mapping[str, str], *, internal: bool = False) -> BridgeSettings:
    _flag(options, "default_bridge", default="false")
    mode, mode6 = (_gateway_mode(options, family, internal=internal) for family in ("ipv4", "ipv6"))
    return BridgeSettings(
        name=_bridge_name(options.get(BRIDGE_OPTION + "name") or f"br-{network_id[:12]}"),
        mtu=_mtu(options),
        icc=_flag(options, "enable_icc"),
        masquerade=_flag(options, "enable_ip_masquerade"),
        default_ip=_host_ip(options),
        gateway_mode=mode,
        gateway_mode6=mode6,
        without_address6=mode6 == "isolated",
        without_address=mode == "isolated" or _flag(options, "inhibit_ipv4", default="false"),
        trusted=_trusted(options),
        source=_source(options, 4),
        source6=_source(options, 6),
        link_prefix=_link_prefix(options),
    )


def _bridge_name(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise InvalidParameter("failed to check bridge interface existence: numerical result out of range")
    if not DEVICE.fullmatch(name):
        raise InvalidParameter(f"invalid bridge name {name}: invalid argument")
    return name


def _link_prefix(options: Mapping[str, str]) -> str:
    """A number comes behind it."""
    prefix = options.get(IFACE_PREFIX) or "eth"
    if not DEVICE.fullmatch(prefix) or len(prefix) == LONGEST_NAME:
        raise _unparsed(IFACE_PREFIX, prefix, "no name of a device")
    return prefix


def parent_settings(network: Network) -> ParentSettings:
    kind, options = network.driver, network.options
    default = MODES[kind][0]
    mode, flag = options.get(f"{kind}_mode") or default, options.get("ipvlan_flag") or "bridge"
    if mode not in MODES[kind]:
        raise InvalidParameter(
            f"requested {kind} mode '{mode}' is not valid, '{default}' mode is the {kind} driver default"
        )
    if kind == "ipvlan" and flag not in IPVLAN_FLAGS:
        raise InvalidParameter(f"requested ipvlan flag '{flag}' is not valid, 'bridge' is the ipvlan driver default")
    device = options.get("parent", "")
    if device == "lo":
        raise InvalidParameter(f"loopback interface is not a valid {kind} parent link")
    return ParentSettings(
        kind,
        device or DUMMY_PREFIX[kind] + network.id[:12],
        mode,
        flag=flag if kind == "ipvlan" else "",
        mtu=_mtu(options),
        network_dummy=not device,
    )


def _gateway_mode(options: Mapping[str, str], family: str, *, internal: bool) -> str:
    mode = options.get(f"{BRIDGE_OPTION}gateway_mode_{family}") or "nat"
    if mode not in GATEWAY_MODES:
        raise InvalidParameter(f"unknown gateway mode {mode}")
    if mode == "isolated" and not internal:
        raise InvalidParameter("gateway mode 'isolated' can only be used for an internal network")
    return mode


def _trusted(options: Mapping[str, str]) -> tuple[str, ...]:
    """`eth1:wg0`. They become part of the firewall's text, so they must be names of devices."""
    names = tuple(dict.fromkeys(filter(None, options.get(BRIDGE_OPTION + "trusted_host_interfaces", "").split(":"))))
    for name in names:
        if not DEVICE.fullmatch(name):
            raise _unparsed(BRIDGE_OPTION + "trusted_host_interfaces", name, "no name of a device")
    return names


def _mtu(options: Mapping[str, str]) -> int:
    text = options.get(MTU_OPTION, "1500")
    try:
        mtu = int(text)
    except ValueError:
        raise _unparsed(MTU_OPTION, text, f'strconv.Atoi: parsing "{text}": invalid syntax') from None
    if mtu and mtu not in MTUS:
        raise InvalidParameter(f"invalid MTU number: {mtu}")
    return mtu or 1500


def _host_ip(options: Mapping[str, str]) -> str:
    name = BRIDGE_OPTION + "host_binding_ipv4"
    text = options.get(name, "0.0.0.0")
    try:
        return str(ip_address(text))
    except ValueError:
        raise _unparsed(name, text, "nil ip") from None


def _source(options: Mapping[str, str], version: int) -> str:
    name = f"com.docker.network.host_ipv{version}"
    if (text := options.get(name)) is None:
        return ""
    try:
        address = ip_address(text)
    except ValueError:
        raise _unparsed(name, text, "nil ip") from None
    if address.version != version or "%" in text:
        raise _unparsed(name, text, f"no IPv{version} address")
    return str(address)


def _unparsed(name: str, value: str, why: str) -> InvalidParameter:
    return InvalidParameter(f"failed to parse {name} value: {value} ({why})")


def _flag(options: Mapping[str, str], name: str, *, default: str = "true") -> bool:
    value = options.get(BRIDGE_OPTION + name, default)
    if value not in (*TRUE, *FALSE):
        raise _unparsed(BRIDGE_OPTION + name, value, f'strconv.ParseBool: parsing "{value}": invalid syntax')
    return value in TRUE
