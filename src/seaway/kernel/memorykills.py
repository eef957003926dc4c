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


def is_logged(pid: int) -> bool:
    """Where the engine may not read the log, nothing is."""
    return was_killed(read_log(), pid)


def was_killed(log: str, pid: int) -> bool:
    return re.search(rf"[Oo]ut of memory.*: Killed process {pid} \(", log) is not None


def read_log() -> str:
    """The end of the kernel's log."""
    text = ctypes.create_string_buffer(_TAIL_SIZE)
    size = syscalls.libc.klogctl(_READ_ALL, text, _TAIL_SIZE)
    return text.raw[: max(size, 0)].decode(errors="replace")


def _counters(group: str, root: Path) -> tuple[Path, Path]:
    path = group.lstrip("/")
    return root / path / "memory.events", root / "memory" / path / "memory.oom_control"
