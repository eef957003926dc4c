"""linux.resources of a container: its limits, with the block devices' numbers looked up."""

import os
from collections.abc import Iterable

from seaway.base.errors import SystemFailure
from seaway.model.container import HostConfig, ThrottleDevice, WeightDevice
from seaway.runtime.spec.request import Resources, Throttle


def plan_resources(host: HostConfig) -> Resources:
    """Blocks on looking at block devices, where there are any. Raises SystemFailure for one that is missing."""
    return Resources(
        memory=host.memory or None,
        memory_reservation=host.memory_reservation or None,
        memory_swap=_at_least_minus_one(host.memory_swap),
        swappiness=host.memory_swappiness,
        oom_kill_disable=bool(host.oom_kill_disable),
        cpu_shares=host.cpu_shares or None,
        cpu_quota=_at_least_minus_one(host.cpu_quota),
        cpu_period=host.cpu_period or None,
        cpu_realtime_runtime=host.cpu_realtime_runtime or None,
        cpu_realtime_period=host.cpu_realtime_period or None,
        nano_cpus=host.nano_cpus or None,
        cpuset_cpus=host.cpuset_cpus,
        cpuset_mems=host.cpuset_mems,
        pids=host.pids_limit,
        blkio_weight=host.blkio_weight or None,
        blkio_weight_device=_throttles(host.blkio_weight_device),
        read_bps=_throttles(host.blkio_device_read_bps),
        write_bps=_throttles(host.blkio_device_write_bps),
        read_iops=_throttles(host.blkio_device_read_iops),
        write_iops=_throttles(host.blkio_device_write_iops),
    )


def _at_least_minus_one(limit: int) -> int | None:
    """Whatever is below zero is no limit; the kernel knows it as -1."""
    return max(limit, -1) or None


def _throttles(devices: Iterable[WeightDevice | ThrottleDevice] | None) -> tuple[Throttle, ...]:
    return tuple(_throttle(device) for device in devices or ())


def _throttle(device: WeightDevice | ThrottleDevice) -> Throttle:
    try:
        number = os.stat(device.path).st_rdev
    except OSError as failure:
        raise SystemFailure(f"stat {device.path}: {(failure.strerror or '').lower()}") from failure
    amount = device.weight if isinstance(device, WeightDevice) else device.rate
    return Throttle(os.major(number), os.minor(number), amount)
