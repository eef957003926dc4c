"""linux.resources and linux.devices: the limits, and which devices may be used."""

from dataclasses import replace
from typing import Any

from seaway.runtime.spec.request import Device, DeviceRule, Resources, SpecRequest, Throttle

CFS_PERIOD_US = 100_000
_DENY_ALL = {"allow": False, "access": "rwm"}
_ALLOW_ALL = {"allow": True, "access": "rwm"}
# zero, null, urandom, random, tty, console
_DEFAULT_DEVICES = ((1, 5), (1, 3), (1, 9), (1, 8), (5, 0), (5, 1))
_FUSE = (10, 229)


def build_resources(limits: Resources) -> dict[str, Any]:
    """What an update sends to a running container; the device rules come on top at creation."""
    sections = {
        "memory": _memory(limits),
        "cpu": _cpu(limits),
        "pids": _present({"limit": _pids(limits.pids)}),
        "blockIO": _block_io(limits),
    }
    return {name: section for name, section in sections.items() if section}


def initial_limits(limits: Resources) -> Resources:
    """A new cgroup has no limits, and crun before 1.9 cannot write that there is none."""
    quota, pids = limits.cpu_quota or 0, limits.pids or 0
    return replace(limits, cpu_quota=quota if quota > 0 else None, pids=pids if pids > 0 else None)


def device_rules(request: SpecRequest) -> list[dict[str, Any]]:
    if request.privileged:
        return [_ALLOW_ALL]
    defaults = [_node_rule("c", *number, "rwm") for number in _DEFAULT_DEVICES]
    fuse = _node_rule("c", *_FUSE, "rwm", allow=False)
    nodes = [_node_rule(d.type, d.major, d.minor, d.access) for d in request.devices if d.access]
    return [_DENY_ALL, *defaults, fuse, *nodes, *map(_user_rule, request.device_rules)]


def device_node(device: Device) -> dict[str, Any]:
    return {
        "path": device.path,
        "type": device.type,
        "major": device.major,
        "minor": device.minor,
        "fileMode": device.mode,
        "uid": device.uid,
        "gid": device.gid,
    }


def _memory(limits: Resources) -> dict[str, Any]:
    return _present(
        {
            "limit": limits.memory,
            "reservation": limits.memory_reservation,
            "swap": limits.memory_swap,
            "swappiness": limits.swappiness,
            "disableOOMKiller": limits.oom_kill_disable or None,
        }
    )


def _cpu(limits: Resources) -> dict[str, Any]:
    quota, period = limits.cpu_quota, limits.cpu_period
    if limits.nano_cpus:
        quota, period = limits.nano_cpus * CFS_PERIOD_US // 1_000_000_000, CFS_PERIOD_US
    return _present(
        {
            "shares": limits.cpu_shares,
            "quota": quota,
            "period": period,
            "realtimeRuntime": limits.cpu_realtime_runtime,
            "realtimePeriod": limits.cpu_realtime_period,
            "cpus": limits.cpuset_cpus or None,
            "mems": limits.cpuset_mems or None,
        }
    )


def _pids(limit: int | None) -> int | None:
    """0 and below is no limit, which OCI writes as -1."""
    return None if limit is None else limit if limit > 0 else -1


def _block_io(limits: Resources) -> dict[str, Any]:
    return _present(
        {
            "weight": limits.blkio_weight,
            "weightDevice": _devices(limits.blkio_weight_device, "weight"),
            "throttleReadBpsDevice": _devices(limits.read_bps, "rate"),
            "throttleWriteBpsDevice": _devices(limits.write_bps, "rate"),
            "throttleReadIOPSDevice": _devices(limits.read_iops, "rate"),
            "throttleWriteIOPSDevice": _devices(limits.write_iops, "rate"),
        }
    )


def _devices(entries: tuple[Throttle, ...], key: str) -> list[dict[str, int]] | None:
    return [{"major": e.major, "minor": e.minor, key: e.rate} for e in entries] or None


def _node_rule(kind: str, major: int, minor: int, access: str, *, allow: bool = True) -> dict[str, Any]:
    return {"allow": allow, "type": kind, "major": major, "minor": minor, "access": access}


def _user_rule(rule: DeviceRule) -> dict[str, Any]:
    return _present({"allow": True, "type": rule.type, "major": rule.major, "minor": rule.minor, "access": rule.access})


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}
