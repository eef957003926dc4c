"""Whether the kernel killed for memory: counted by the cgroup, v1 and v2, and written in the kernel's log.

A cgroup that systemd takes away with its last process takes its count along; the log's line is written before the
process is gone.
"""

import ctypes
import re
from pathlib import Path

from seaway.kernel import syscalls
from seaway.kernel.cgroup import ROOT
from seaway.kernel.cgroupstats import parse_pairs, process_cgroups

PID_MAX = Path("/proc/sys/kernel/pid_max")
_READ_ALL = 3
_TAIL_SIZE = 1 << 17


def counter_of(pid: int, name: str, root: Path = ROOT) -> Path | None:
    """The counting file of the cgroup with `name` that the process is in; None once the process is gone."""
    try:
        cgroups = process_cgroups(pid, name)
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((file for file in _counters(cgroups.get("memory", cgroups.get("", "")), root) if file.exists()), None)


def count_in(group: str, root: Path = ROOT) -> int | None:
    """How many were killed in a group, None where there is none."""
    return next((kills for file in _counters(group, root) if (kills := read_count(file)) is not None), None)


def read_count(counter: Path) -> int | None:
    try:
        return parse_pairs(counter.read_text()).get("oom_kill", 0)
    except OSError:
        return None


def is_logged(pid: int, name: str) -> bool:
    """Where the engine may not read the log, nothing is."""
    return was_killed(read_log(), pid, name, int(PID_MAX.read_text()))


def was_killed(log: str, pid: int, name: str, pid_max: int) -> bool:
    """The process, or one of the cgroup with `name` that began after it: what an earlier process there lost is not
    this one's."""
    if re.search(rf"[Oo]ut of memory.*: Killed process {pid} \(", log):
        return True
    found = re.findall(rf"oom-kill:.*,task_memcg=[^,]*{re.escape(name)}[^,]*,.*,pid=(\d+),", log)
    # Numbers are given in order, and from the beginning again after the last.
    return any((int(other) - pid) % pid_max < pid_max // 2 for other in found)


def read_log() -> str:
    """The end of the kernel's log."""
    text = ctypes.create_string_buffer(_TAIL_SIZE)
    size = syscalls.libc.klogctl(_READ_ALL, text, _TAIL_SIZE)
    return text.raw[: max(size, 0)].decode(errors="replace")


def _counters(group: str, root: Path) -> tuple[Path, Path]:
    path = group.lstrip("/")
    return root / path / "memory.events", root / "memory" / path / "memory.oom_control"
