"""What `create` refuses, in dockerd's words (inventory A4). Values in, exceptions out."""

import re

from seaway.base.errors import InvalidParameter
from seaway.containers.restart import validate_restart_policy
from seaway.model.container import ContainerConfig, Healthcheck, HostConfig

MIB = 1 << 20
SMALLEST_MEMORY = 6 * MIB
_SIGNAL_NUMBER_MAX = 64
_NAMED_MODES = ("", "none", "private", "shareable", "host")


def validate_create(config: ContainerConfig, host_config: HostConfig, cpus: int) -> None:
    """Raises InvalidParameter with the first thing that is wrong."""
    _validate_config(config)
    _validate_modes(host_config)
    _validate_network_mode(config, host_config)
    validate_resources(host_config, cpus)
    validate_restart_policy(host_config.restart_policy)
    if host_config.auto_remove and host_config.restart_policy.name not in ("", "no"):
        raise InvalidParameter("can't create 'AutoRemove' container with restart policy")
    if host_config.shm_size < 0:
        raise InvalidParameter("SHM size can not be less than 0")
    if not -1000 <= host_config.oom_score_adj <= 1000:
        score = host_config.oom_score_adj
        raise InvalidParameter(f"Invalid value {score}, range for oom score adj is [-1000, 1000]")
    if host_config.isolation not in ("", "default"):
        raise InvalidParameter(f"invalid isolation ({host_config.isolation}): linux only supports 'default'")


def _validate_config(config: ContainerConfig) -> None:
    if config.working_dir and not config.working_dir.startswith("/"):
        text = f"the working directory '{config.working_dir}' is invalid, it needs to be an absolute path"
        raise InvalidParameter(text)
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
        if value and value < 1_000_000:
            raise InvalidParameter(f"{name} in Healthcheck cannot be less than 1ms")
    if check.retries < 0:
        raise InvalidParameter("Retries in Healthcheck cannot be negative")


def _validate_modes(host_config: HostConfig) -> None:
    modes = [
        ("IPC", host_config.ipc_mode, _NAMED_MODES),
        ("PID", host_config.pid_mode, ("", "host")),
        ("UTS", host_config.uts_mode, ("", "host")),
        ("cgroup namespace", host_config.cgroupns_mode, ("", "private", "host")),
    ]
    for name, mode, allowed in modes:
        shares = name in ("IPC", "PID") and re.fullmatch(r"container:.+", mode)
        if mode not in allowed and not shares:
            raise InvalidParameter(f"invalid {name} mode: {mode}")


def _validate_network_mode(config: ContainerConfig, host_config: HostConfig) -> None:
    mode = host_config.network_mode
    if mode == "container:":
        raise InvalidParameter("invalid network mode: invalid container format container:<name|id>")
    sharing, host = mode.startswith("container:"), mode == "host"
    undefined = "can't be used with links. This would result in undefined behavior"
    conflicts = [
        (sharing and config.hostname, "hostname and the network mode"),
        (host_config.uts_mode == "host" and config.hostname, "hostname and the UTS mode"),
        (sharing and host_config.dns, "dns and the network mode"),
        (sharing and host_config.extra_hosts, "custom host-to-IP mapping and the network mode"),
        (sharing and host_config.port_bindings, "port publishing and the container type network mode"),
        (sharing and config.exposed_ports, "port exposing and the container type network mode"),
        (host and host_config.links, f"host type networking {undefined}"),
        (sharing and host_config.links, f"container type network {undefined}"),
    ]
    for conflict, text in conflicts:
        if conflict:
            raise InvalidParameter(f"conflicting options: {text}")


def validate_resources(host_config: HostConfig, cpus: int, *, is_update: bool = False) -> None:
    """An update may raise the swap alone: the memory limit is there already."""
    _validate_memory(host_config, is_update=is_update)
    _validate_cpu(host_config, cpus)


def _validate_memory(h: HostConfig, *, is_update: bool) -> None:
    if h.memory and h.memory < SMALLEST_MEMORY:
        raise InvalidParameter("Minimum memory limit allowed is 6MB")
    if h.memory and 0 < h.memory_swap < h.memory:
        raise InvalidParameter("Minimum memoryswap limit should be larger than memory limit, see usage")
    if not h.memory and h.memory_swap > 0 and not is_update:
        text = "You should always set the Memory limit when using Memoryswap limit, see usage"
        raise InvalidParameter(text)
    if h.memory_swappiness is not None and not -1 <= h.memory_swappiness <= 100:
        raise InvalidParameter(f"Invalid value: {h.memory_swappiness}, valid memory swappiness range is 0-100")
    if h.memory_reservation and h.memory_reservation < SMALLEST_MEMORY:
        raise InvalidParameter("Minimum memory reservation allowed is 6MB")
    if h.memory and h.memory_reservation > h.memory:
        text = "Minimum memory limit can not be less than memory reservation limit, see usage"
        raise InvalidParameter(text)
    if h.blkio_weight and not 10 <= h.blkio_weight <= 1000:
        raise InvalidParameter("Range of blkio weight is from 10 to 1000")


def _validate_cpu(h: HostConfig, cpus: int) -> None:
    for other, value in (("CPU Period", h.cpu_period), ("CPU Quota", h.cpu_quota)):
        if h.nano_cpus and value:
            raise InvalidParameter(f"Conflicting options: Nano CPUs and {other} cannot both be set")
    if h.nano_cpus < 0 or h.nano_cpus > cpus * 10**9:
        raise InvalidParameter(f"range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available")
    if h.cpu_shares < 0:
        raise InvalidParameter(f"invalid CPU shares ({h.cpu_shares}): value must be a positive integer")
    if h.cpu_period and not 1000 <= h.cpu_period <= 1_000_000:
        raise InvalidParameter("CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)")
    if 0 < h.cpu_quota < 1000:
        raise InvalidParameter("CPU cfs quota can not be less than 1ms (i.e. 1000)")
