"""The order of dockerd's checks of a new container. Values in, the first thing that is wrong raised."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from seaway.base.errors import InvalidParameter
from seaway.base.signals import parse_signal
from seaway.config.validate import is_slice
from seaway.engine.validation.host import validate_host_config
from seaway.engine.validation.modes import refuse_beside_user_namespaces, validate_modes, validate_network_mode
from seaway.engine.validation.resources import check_resources
from seaway.model.container import ContainerConfig, Healthcheck, HostConfig
from seaway.system.host import Host

_MAC = re.compile(r"(?!00([:-]00){5})[0-9a-f][02468ace]([:-])(?:[0-9a-f]{2}\2){4}[0-9a-f]{2}", re.I)
SHORTEST_NS = 1_000_000


@dataclass(frozen=True, slots=True)
class Checked:
    """`host_config` is without what this kernel cannot do; `warnings` says what that was."""

    host_config: HostConfig
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Abilities:
    """What there is to check against."""

    host: Host
    runtimes: Collection[str]
    systemd_cgroups: bool = False
    remaps: bool = False


def validate_create(config: ContainerConfig, host_config: HostConfig, able: Abilities) -> Checked:
    """Raises InvalidParameter."""
    validate_network_mode(config, host_config)
    _validate_request(host_config, realtime=able.host.cgroups.cpu_realtime)
    _validate_config(config)
    validate_host_config(host_config)
    host_config, warnings = check_resources(host_config, able.host)
    validate_modes(host_config)
    warnings += _warn(host_config, able.host)
    _validate_platform(host_config, able)
    return Checked(host_config, tuple(warnings))


def _validate_request(host: HostConfig, *, realtime: bool) -> None:
    """What dockerd's router looks at, before the daemon does."""
    if host.isolation.lower() not in ("", "default"):
        raise InvalidParameter(f"invalid isolation ({host.isolation}): linux only supports 'default'")
    for what, value in (("bandwidth", host.io_maximum_bandwidth), ("IOPs", host.io_maximum_iops)):
        if value:
            raise InvalidParameter(f"invalid QoS settings: linux does not support configuration of maximum {what}")
    if (host.cpu_realtime_period or host.cpu_realtime_runtime) and not realtime:
        raise InvalidParameter("kernel does not support CPU real-time scheduler")
    if host.cpu_realtime_period and host.cpu_realtime_runtime > host.cpu_realtime_period:
        raise InvalidParameter("cpu real-time runtime cannot be higher than cpu real-time period")


def _validate_config(config: ContainerConfig) -> None:
    if config.working_dir and not config.working_dir.startswith("/"):
        text = f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path"
        raise InvalidParameter(text)
    if isinstance(config.mac_address, str) and config.mac_address and not _MAC.fullmatch(config.mac_address):
        raise InvalidParameter(f"address {config.mac_address}: invalid MAC address")
    if isinstance(config.stop_signal, str) and config.stop_signal:
        parse_signal(config.stop_signal)
    for variable in config.env or []:
        if not variable or variable.startswith("="):
            raise InvalidParameter(f"invalid environment variable: {variable}")
    if isinstance(config.healthcheck, Healthcheck):
        _validate_healthcheck(config.healthcheck)


def _validate_healthcheck(check: Healthcheck) -> None:
    durations = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
    }
    for name, value in durations.items():
        if value and value < SHORTEST_NS:
            raise InvalidParameter(f"{name} in Healthcheck cannot be less than 1ms")
    if check.retries < 0:
        raise InvalidParameter("Retries in Healthcheck cannot be negative")


def _warn(host_config: HostConfig, host: Host) -> list[str]:
    warnings = []
    if not host.ipv4_forwarding and host_config.network_mode not in ("host", "none"):
        warnings.append("IPv4 forwarding is disabled. Networking will not work.")
    if host_config.network_mode == "host" and host_config.port_bindings:
        warnings.append("Published ports are discarded when using host network mode")
    return warnings


def _validate_platform(host_config: HostConfig, able: Abilities) -> None:
    if able.remaps and host_config.userns_mode != "host":
        refuse_beside_user_namespaces(host_config)
    parent = host_config.cgroup_parent
    if parent and able.systemd_cgroups and not is_slice(parent):
        raise InvalidParameter('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"')
    if host_config.runtime and host_config.runtime not in able.runtimes:
        raise InvalidParameter(f"unknown or invalid runtime name: {host_config.runtime}")
    if host_config.cgroupns_mode not in ("", "private", "host"):
        raise InvalidParameter(f"invalid cgroup namespace mode: {host_config.cgroupns_mode}")
