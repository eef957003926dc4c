"""A container's systemd scope on cgroup v2, as it is under runc and dockerd: the container is in the scope itself, and
systemd knows its limits.

crun would make a group `container` in the scope and set the limits there, so that whoever looks at the scope (stats,
tools that know dockerd's paths) finds none. And crun before 1.9 does not tell systemd of them, which takes them for its
own to reset: `systemctl daemon-reload` would lift them.
"""

from collections.abc import Mapping
from typing import Any

from seaway.kernel import process

SUBGROUP = "run.oci.systemd.subgroup"
PROPERTY = "org.systemd.property."
INFINITY = 2**64 - 1
_MANAGER = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
_ANSWER_WITHIN_S = 10


def in_the_scope_itself(spec: dict[str, Any]) -> dict[str, Any]:
    """A user's annotation goes first."""
    known = scope_properties((spec.get("linux") or {}).get("resources") or {})
    properties = {PROPERTY + name: f"uint64 {value}" for name, value in known.items()}
    return {**spec, "annotations": {SUBGROUP: "", **properties, **(spec.get("annotations") or {})}}


def scope_properties(resources: Mapping[str, Any]) -> dict[str, int]:
    """The limits of the OCI spec's linux.resources by systemd's names, as its D-Bus API takes them."""
    memory, cpu = resources.get("memory", {}), resources.get("cpu", {})
    limit, swap = memory.get("limit"), memory.get("swap")
    found = {
        "MemoryMax": _limit(limit),
        "MemoryLow": memory.get("reservation"),
        "MemorySwapMax": None if swap is None else _limit(swap if swap < 0 else swap - (limit or 0)),
        "CPUWeight": _cpu_weight(cpu.get("shares")),
        **_quota(cpu.get("quota"), cpu.get("period")),
        "TasksMax": _limit((resources.get("pids") or {}).get("limit")),
        "IOWeight": _io_weight((resources.get("blockIO") or {}).get("weight")),
    }
    return {name: value for name, value in found.items() if value is not None}


async def tell_systemd(container_id: str, properties: Mapping[str, int]) -> None:
    """Until the scope ends. Raises CommandFailed, TimeoutError."""
    values = [word for name, value in properties.items() for word in (name, "t", str(value))]
    scope = (f"docker-{container_id}.scope", "true", str(len(properties)))
    argv = ["busctl", "--quiet", "call", *_MANAGER, "SetUnitProperties", "sba(sv)", *scope, *values]
    await process.run(argv, timeout_s=_ANSWER_WITHIN_S)


def _limit(value: int | None) -> int | None:
    return INFINITY if value is not None and value < 0 else value


def _quota(quota: int | None, period: int | None) -> dict[str, int | None]:
    if quota is None or quota <= 0:
        return {"CPUQuotaPerSecUSec": None if quota is None else INFINITY}
    return {"CPUQuotaPerSecUSec": quota * 1_000_000 // (period or 100_000), "CPUQuotaPeriodUSec": period or 100_000}


def _cpu_weight(shares: int | None) -> int | None:
    """The runtime's own conversion: 2 to 262144 becomes 1 to 10000."""
    return 1 + (min(max(shares, 2), 262144) - 2) * 9999 // 262142 if shares else None


def _io_weight(weight: int | None) -> int | None:
    return 1 + (weight - 10) * 9999 // 990 if weight else None
