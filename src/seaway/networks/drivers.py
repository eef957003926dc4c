"""What a driver's options say. Pure; an option that nobody knows is kept and does nothing, as in dockerd."""

from collections.abc import Mapping
from dataclasses import replace

from seaway.base.errors import InvalidParameter
from seaway.networks.network import BRIDGE_OPTION, BridgeSettings, MacvlanSettings, Network
from seaway.networks.overlay.plan import overlay_settings

MTU_OPTION = "com.docker.network.driver.mtu"
IFACE_PREFIX = "com.docker.network.container_iface_prefix"
TRUE, FALSE = ("1", "t", "T", "true", "TRUE", "True"), ("0", "f", "F", "false", "FALSE", "False")
GATEWAY_MODES = ("", "nat", "nat-unprotected", "isolated")
MACVLAN_MODES = ("bridge", "private", "vepa", "passthru")


def with_settings(network: Network) -> Network:
    """With what its options mean to its driver. Raises InvalidParameter."""
    match network.driver:
        case "bridge":
            return replace(network, bridge=bridge_settings(network.id, network.options, internal=network.internal))
        case "macvlan":
            return replace(network, macvlan=macvlan_settings(network.options))
        case "overlay":
            return replace(network, overlay=overlay_settings(network.id, network.options))
        case _:
            return network


def bridge_settings(network_id: str, options: Mapping[str, str], *, internal: bool = False) -> BridgeSettings:
    mode = options.get(BRIDGE_OPTION + "gateway_mode_ipv4", "")
    if mode not in GATEWAY_MODES:
        raise InvalidParameter(f"unknown gateway mode {mode}")
    if mode == "isolated" and not internal:
        raise InvalidParameter("gateway mode 'isolated' can only be used for an internal network")
    return BridgeSettings(
        name=options.get(BRIDGE_OPTION + "name") or f"br-{network_id[:12]}",
        mtu=_mtu(options),
        icc=_flag(options, "enable_icc"),
        masquerade=_flag(options, "enable_ip_masquerade"),
        default_ip=options.get(BRIDGE_OPTION + "host_binding_ipv4", "0.0.0.0"),
        unprotected=mode == "nat-unprotected",
        without_address=mode == "isolated" or _flag(options, "inhibit_ipv4", default="false"),
        link_prefix=options.get(IFACE_PREFIX) or "eth",
    )


def macvlan_settings(options: Mapping[str, str]) -> MacvlanSettings:
    mode, parent = options.get("macvlan_mode") or "bridge", options.get("parent", "")
    if mode not in MACVLAN_MODES:
        raise InvalidParameter(
            f"requested macvlan mode '{mode}' is not valid, 'bridge' mode is the macvlan driver default"
        )
    if not parent:
        raise InvalidParameter("the macvlan driver needs the option 'parent': a device of this host")
    if parent == "lo":
        raise InvalidParameter("loopback interface is not a valid macvlan parent link")
    return MacvlanSettings(parent, mode, _mtu(options))


def _mtu(options: Mapping[str, str]) -> int:
    mtu = options.get(MTU_OPTION, "1500")
    if not mtu.isdigit():
        raise InvalidParameter(f"failed to parse {MTU_OPTION} value: {mtu}")
    return int(mtu)


def _flag(options: Mapping[str, str], name: str, *, default: str = "true") -> bool:
    value = options.get(BRIDGE_OPTION + name, default)
    if value not in (*TRUE, *FALSE):
        raise InvalidParameter(f'{BRIDGE_OPTION}{name}: strconv.ParseBool: parsing "{value}": invalid syntax')
    return value in TRUE
