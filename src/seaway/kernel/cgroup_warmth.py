"""Makes the next move of a process between cgroups cheap.

The kernel guards such moves with a lock that costs its first taker a grace period of RCU (about 10 ms) and is free
for those who come within the next one. An OCI runtime makes its moves in the middle of a start or an exec: have the
grace period pass while the start does other work, by moving this process to where it is.
"""

import os
from functools import cache
from pathlib import Path

from seaway.kernel import cgroup


def warm() -> None:
    """Blocks for the grace period. Where it cannot be done, the runtime waits as it would have."""
    try:
        fd = os.open(_own_group(), os.O_WRONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.write(fd, str(os.getpid()).encode())
    except OSError:
        pass
    finally:
        os.close(fd)


@cache
def _own_group() -> Path:
    return group_file(Path("/proc/self/cgroup").read_text(), cgroup.mode())


def group_file(table: str, mode: cgroup.Mode, root: Path = cgroup.ROOT) -> Path:
    """The cgroup.procs of the process's group in one hierarchy, from the text of /proc/<pid>/cgroup."""
    groups = {controllers: path for _, controllers, path in (line.split(":", 2) for line in table.splitlines())}
    match mode:
        case cgroup.Mode.UNIFIED:
            directory, path = root, groups[""]
        case cgroup.Mode.HYBRID:
            directory, path = root / "unified", groups[""]
        case cgroup.Mode.LEGACY:
            directory, path = root / "pids", groups.get("pids", "/")
    return directory / path.lstrip("/") / "cgroup.procs"
