"""Takes a limit off a running container's cgroup. crun writes numbers only: it cannot write `max` over one."""

from collections.abc import Iterable
from pathlib import Path

from seaway.kernel.cgroup import ROOT
from seaway.kernel.cgroupstats import process_cgroups

_V1 = {"cpu": ("cpu.cfs_quota_us", "-1"), "pids": ("pids.max", "max")}
_V2 = {"cpu": ("cpu.max", "max"), "pids": ("pids.max", "max")}


def lift(pid: int, name: str, controllers: Iterable[str], root: Path = ROOT) -> None:
    """The quota of `cpu`, the number of `pids`, of the cgroup with `name` that the process is in. Raises OSError."""
    groups = process_cgroups(pid, name)
    for controller in controllers:
        if controller in groups:
            file, value = _V1[controller]
            group = root / controller / groups[controller].lstrip("/")
        else:
            file, value = _V2[controller]
            group = root / groups[""].lstrip("/")
        (group / file).write_text(value)
