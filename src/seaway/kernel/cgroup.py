"""The cgroup hierarchy of this host, and the one change that crun may need of it.

On a *hybrid* host (v1 controllers under a tmpfs, cgroup2 at `unified`) crun refuses to start while a controller
that the kernel knows is mounted in no v1 hierarchy. hugetlb is the usual one: an empty v1 mount of it is enough.
"""

import errno
import os
from collections.abc import Callable
from enum import Enum
from pathlib import Path

from seaway.kernel import syscalls
from seaway.kernel.pidfd import kill_all

ROOT = Path("/sys/fs/cgroup")


class Mode(Enum):
    UNIFIED = "unified"
    HYBRID = "hybrid"
    LEGACY = "legacy"


def mode(root: Path = ROOT) -> Mode:
    if (root / "cgroup.controllers").exists():
        return Mode.UNIFIED
    return Mode.HYBRID if (root / "unified" / "cgroup.controllers").exists() else Mode.LEGACY


def known_controllers(table: str) -> frozenset[str]:
    """The enabled controllers in the text of /proc/cgroups."""
    rows = (line.split() for line in table.splitlines() if not line.startswith("#"))
    return frozenset(name for name, _hierarchy, _count, enabled in rows if enabled == "1")


def mounted_controllers(mountinfo: str) -> frozenset[str]:
    """Names of v1 controllers that have a mount, from the text of /proc/self/mountinfo."""
    found: set[str] = set()
    for line in mountinfo.splitlines():
        fstype, _source, options = line.rpartition(" - ")[2].split(" ", 2)
        if fstype == "cgroup":
            found.update(options.split(","))
    return frozenset(found)


def missing_controllers() -> frozenset[str]:
    """What crun misses here: empty on a unified host."""
    if mode() is Mode.UNIFIED:
        return frozenset()
    known = known_controllers(Path("/proc/cgroups").read_text())
    return known & {"hugetlb"} - mounted_controllers(Path("/proc/self/mountinfo").read_text())


def ensure_crun_can_start() -> Callable[[], None]:
    """Mount what crun misses; the function returned takes away exactly what this call made."""
    made: list[Path] = []
    for controller in sorted(missing_controllers()):
        target = ROOT / controller
        target.mkdir(exist_ok=True)
        try:
            syscalls.mount("cgroup", str(target), "cgroup", 0, controller)
        except OSError:
            target.rmdir()
            raise
        made.append(target)

    def undo() -> None:
        for target in reversed(made):
            _unmount(target)
        made.clear()

    return undo


def remove_group(path: str, root: Path = ROOT) -> None:
    """A group that its runtime left, in every hierarchy, with what is below it and what runs in it. Blocks until that
    has ended; a group that is not there is no error."""
    groups = [group for group in (root / path.lstrip("/"), *root.glob(f"*/{path.lstrip('/')}")) if group.is_dir()]
    kill_all({pid for group in groups for pid in _processes(group)})
    for group in groups:
        for directory, _, _ in os.walk(group, topdown=False):
            try:
                os.rmdir(directory)
            except OSError as failure:
                if failure.errno not in (errno.ENOENT, errno.EBUSY):
                    raise


def set_realtime(parent: str, period_us: int, runtime_us: int, root: Path = ROOT) -> None:
    """What every group from the root down to `parent` may spend in real time (v1): a child has no more than its parent.
    Raises OSError."""
    group = root / "cpu"
    for name in Path(parent.lstrip("/")).parts:
        group = group / name
        group.mkdir(mode=0o755, exist_ok=True)
        for file, value in (("cpu.rt_period_us", period_us), ("cpu.rt_runtime_us", runtime_us)):
            if value:
                (group / file).write_text(str(value))


def _processes(group: Path) -> set[int]:
    found: set[int] = set()
    for directory, _, _ in os.walk(group):
        try:
            found.update(map(int, (Path(directory) / "cgroup.procs").read_text().split()))
        except OSError as failure:
            if failure.errno not in (errno.ENOENT, errno.ENODEV, errno.EOPNOTSUPP):
                raise
    return found


def _unmount(target: Path) -> None:
    try:
        syscalls.umount2(str(target))
        os.rmdir(target)
    except OSError as failure:
        if failure.errno not in (errno.EINVAL, errno.ENOENT, errno.EBUSY):
            raise
