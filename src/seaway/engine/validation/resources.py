"""Limits: what is wrong with them, and what this kernel cannot do, which is discarded with a warning."""

from typing import Any

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.engine.validation.cpusets import parse_cpuset
from seaway.model.container import HostConfig
from seaway.system.host import CgroupSupport, Host

SMALLEST_MEMORY = 6 << 20
_MISSING = "Your kernel does not support"
_UNMOUNTED = "or the cgroup is not mounted."
_THROTTLES = {
    "blkio_device_read_bps": ("read_bps_device", "BPS Block I/O read limit", "Block I/O BPS read limit"),
    "blkio_device_write_bps": ("write_bps_device", "BPS Block I/O write limit", "Block I/O BPS write limit"),
    "blkio_device_read_iops": ("read_iops_device", "IOPS Block read limit", "Block I/O IOPS read limit"),
    "blkio_device_write_iops": ("write_iops_device", "IOPS Block write limit", "Block I/O IOPS write limit"),
}


def check_resources(host_config: HostConfig, host: Host, *, update: bool = False) -> tuple[HostConfig, list[str]]:
    """What remains of it, and the warnings. An update may raise the swap limit alone. Raises InvalidParameter."""
    check = _Check(host_config, host.cgroups)
    _memory(check, update=update)
    _processes(check)
    _cpu(check, host.cpus)
    _cpuset(check)
    _block_io(check)
    return msgspec.structs.replace(host_config, **check.changes), check.warnings


class _Check:
    """The host configuration with what was discarded so far taken out."""

    def __init__(self, host_config: HostConfig, able: CgroupSupport) -> None:
        self._host_config, self.able = host_config, able
        self.changes: dict[str, Any] = {}
        self.warnings: list[str] = []

    def __getattr__(self, field: str) -> Any:
        return self.changes.get(field, getattr(self._host_config, field))

    def discard(self, warning: str, **changes: Any) -> None:
        self.warnings.append(warning)
        self.changes |= changes


def _refuse(wrong: object, text: str) -> None:
    if wrong:
        raise InvalidParameter(text)


def _memory(c: _Check, *, update: bool) -> None:
    if c.memory_swappiness == -1:
        c.changes["memory_swappiness"] = None
    _refuse(c.memory and c.memory < SMALLEST_MEMORY, "Minimum memory limit allowed is 6MB")
    if c.memory > 0 and not c.able.memory:
        text = f"{_MISSING} memory limit capabilities {_UNMOUNTED} Limitation discarded."
        c.discard(text, memory=0, memory_swap=-1)
    if c.memory > 0 and c.memory_swap != -1 and not c.able.swap:
        c.discard(f"{_MISSING} swap limit capabilities {_UNMOUNTED} Memory limited without swap.", memory_swap=-1)
    _refuse(0 < c.memory_swap < c.memory, "Minimum memoryswap limit should be larger than memory limit, see usage")
    _refuse(
        not c.memory and c.memory_swap > 0 and not update,
        "You should always set the Memory limit when using Memoryswap limit, see usage",
    )
    if c.memory_swappiness is not None and not c.able.swappiness:
        text = f"{_MISSING} memory swappiness capabilities {_UNMOUNTED} Memory swappiness discarded."
        c.discard(text, memory_swappiness=None)
    _refuse(
        not 0 <= (c.memory_swappiness or 0) <= 100,
        f"Invalid value: {c.memory_swappiness}, valid memory swappiness range is 0-100",
    )
    if c.memory_reservation > 0 and not c.able.reservation:
        text = f"{_MISSING} memory soft limit capabilities {_UNMOUNTED} Limitation discarded."
        c.discard(text, memory_reservation=0)
    _refuse(0 < c.memory_reservation < SMALLEST_MEMORY, "Minimum memory reservation allowed is 6MB")
    _refuse(
        0 < c.memory < c.memory_reservation,
        "Minimum memory limit can not be less than memory reservation limit, see usage",
    )
    if isinstance(c.kernel_memory, int) and c.kernel_memory > 0:
        _refuse(c.kernel_memory < SMALLEST_MEMORY, "Minimum kernel memory limit allowed is 6MB")
        c.warnings.append("Specifying a kernel memory limit is deprecated and will be removed in a future release.")


def _processes(c: _Check) -> None:
    if c.oom_kill_disable and not c.able.oom_kill_disable:
        c.discard(f"{_MISSING} OomKillDisable. OomKillDisable discarded.", oom_kill_disable=None)
    if c.oom_kill_disable and not c.memory:
        c.warnings.append(
            "OOM killer is disabled for the container, but no memory limit is set, "
            "this can result in the system running out of resources."
        )
    if c.pids_limit is not None and not c.able.pids:
        if c.pids_limit > 0:
            c.warnings.append(f"{_MISSING} PIDs limit capabilities {_UNMOUNTED} PIDs limit discarded.")
        c.changes["pids_limit"] = None


def _cpu(c: _Check, cpus: int) -> None:
    for other, value in (("CPU Period", c.cpu_period), ("CPU Quota", c.cpu_quota)):
        _refuse(c.nano_cpus > 0 and value > 0, f"Conflicting options: Nano CPUs and {other} cannot both be set")
    _refuse(
        c.nano_cpus > 0 and not c.able.cpu_quota,
        "NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted",
    )
    _refuse(
        not 0 <= c.nano_cpus <= cpus * 10**9,
        f"range of CPUs is from 0.01 to {cpus}.00, as there are only {cpus} CPUs available",
    )
    _refuse(c.cpu_shares < 0, f"invalid CPU shares ({c.cpu_shares}): value must be a positive integer")
    if c.cpu_shares > 0 and not c.able.cpu_shares:
        c.discard(f"{_MISSING} CPU shares {_UNMOUNTED} Shares discarded.", cpu_shares=0)
    if (c.cpu_period or c.cpu_quota) and not c.able.cpu_quota:
        c.discard(f"{_MISSING} CPU CFS scheduler. CPU period/quota discarded.", cpu_period=0, cpu_quota=0)
    _refuse(
        c.cpu_period and not 1000 <= c.cpu_period <= 1_000_000,
        "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)",
    )
    _refuse(0 < c.cpu_quota < 1000, "CPU cfs quota can not be less than 1ms (i.e. 1000)")
    if c.cpu_percent > 0:
        c.discard("linux does not support CPU percent. Percent discarded.", cpu_percent=0)


def _cpuset(c: _Check) -> None:
    if (c.cpuset_cpus or c.cpuset_mems) and not c.able.cpuset:
        c.discard(f"{_MISSING} cpuset {_UNMOUNTED} Cpuset discarded.", cpuset_cpus="", cpuset_mems="")
    for name, things, wanted, available in (
        ("cpus", "CPUs", c.cpuset_cpus, c.able.cpus),
        ("mems", "memory nodes", c.cpuset_mems, c.able.mems),
    ):
        try:
            missing = parse_cpuset(wanted) - parse_cpuset(available)
        except ValueError as invalid:
            raise InvalidParameter(f"Invalid value {wanted} for cpuset {name}: {invalid}") from invalid
        _refuse(missing, f"Requested {things} are not available - requested {wanted}, available: {available}")


def _block_io(c: _Check) -> None:
    if c.blkio_weight and "weight" not in c.able.blkio:
        c.discard(f"{_MISSING} Block I/O weight {_UNMOUNTED} Weight discarded.", blkio_weight=0)
    _refuse(c.blkio_weight and not 10 <= c.blkio_weight <= 1000, "Range of blkio weight is from 10 to 1000")
    if c.blkio_weight_device and "weight_device" not in c.able.blkio:
        text = f"{_MISSING} Block I/O weight_device {_UNMOUNTED} Weight-device discarded."
        c.discard(text, blkio_weight_device=[])
    for field, (file, what, discarded) in _THROTTLES.items():
        if getattr(c, field) and file not in c.able.blkio:
            c.discard(f"{_MISSING} {what} {_UNMOUNTED} {discarded} discarded.", **{field: []})
