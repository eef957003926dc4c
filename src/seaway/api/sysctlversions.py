"""Settings of one interface among a create's `--sysctl`. Pure; the texts are dockerd's.

The runtime sets a container's sysctls before its interfaces are there, so these are the endpoint's: since API 1.48 the
client has to say so, before that the engine moves them.
"""

from collections.abc import Mapping

from msgspec import structs

from seaway.api.versions import Version
from seaway.base.errors import InvalidParameter
from seaway.model.container import HostConfig
from seaway.model.modes import shared_with
from seaway.model.network import EndpointSettings
from seaway.networks.plan import SYSCTLS

Wishes = dict[str, EndpointSettings | None]


def with_interface_sysctls(
    host: HostConfig, wishes: Mapping[str, EndpointSettings | None], version: Version
) -> tuple[HostConfig, Wishes, tuple[str, ...]]:
    """`host` without the settings of eth0, `wishes` with them at the network of the mode, and warnings.

    Raises InvalidParameter."""
    sysctls = host.sysctls if isinstance(host.sysctls, dict) else {}
    moved = {name: f"{_for_any(name)}={value}" for name, value in sysctls.items() if _interface(name)}
    if not moved or host.network_mode == "host" or shared_with(host.network_mode) is not None:
        return host, dict(wishes), ()
    for name in moved:
        _check(name, version)
    main = _main_network(host.network_mode, wishes, next(iter(moved)), version)
    wish = wishes.get(main) or EndpointSettings()
    options = wish.driver_opts or {}
    text = ",".join(moved.values())
    both = f"{text},{options[SYSCTLS]}" if SYSCTLS in options else text
    warning = f'Migrated sysctl "{",".join(moved)}" to DriverOpts{{"{SYSCTLS}":"{text}"}}.'
    host = structs.replace(host, sysctls={name: value for name, value in sysctls.items() if name not in moved})
    return host, {**wishes, main: structs.replace(wish, driver_opts={**options, SYSCTLS: both})}, (warning,)


def _interface(name: str) -> str:
    """`eth0` of net.ipv4.conf.eth0.forwarding, or "" if it names none."""
    parts = name.split(".", 4)
    return parts[3] if len(parts) == 5 and parts[0] == "net" and parts[3].startswith("eth") else ""


def _for_any(name: str) -> str:
    return name.replace(f".{_interface(name)}.", ".IFNAME.", 1)


def _check(name: str, version: Version) -> None:
    if version >= (1, 48):
        raise InvalidParameter(
            f"interface specific sysctl setting \"{name}\" must be supplied using driver option '{SYSCTLS}'"
        )
    if _interface(name) != "eth0":
        raise InvalidParameter(
            f"unable to determine network endpoint for sysctl {name}, "
            f"use driver option '{SYSCTLS}' to set per-interface sysctls"
        )


def _main_network(mode: str, wishes: Mapping[str, EndpointSettings | None], sysctl: str, version: Version) -> str:
    """The name under which `wishes` have, or may have, the network of the mode."""
    name = "bridge" if mode in ("", "default") else mode
    if name in wishes or not wishes:
        return name
    if version < (1, 44):
        return next(iter(wishes))
    if name == "bridge" and "default" in wishes:
        return "default"
    raise InvalidParameter(
        f"unable to find a network for sysctl {sysctl}: "
        "HostConfig.NetworkMode must match the identity of a network in NetworkSettings.Networks"
    )
