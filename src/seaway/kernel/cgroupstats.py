"""What the kernel counts for a cgroup, v1 and v2, read from the files of the one that a process is in.

The parsers are pure; a file that this kernel does not have counts as empty. Times are nanoseconds.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.kernel.cgroup import ROOT

TICK_NS = 10**9 // os.sysconf("SC_CLK_TCK")
UNLIMITED = 2**64 - 1


@dataclass(frozen=True, slots=True)
class IoEntry:
    major: int
    minor: int
    op: str
    value: int


@dataclass(frozen=True, slots=True)
class CpuUsage:
    total_ns: int = 0
    kernel_ns: int = 0
    user_ns: int = 0
    per_cpu_ns: tuple[int, ...] = ()
    periods: int = 0
    throttled_periods: int = 0
    throttled_ns: int = 0


@dataclass(frozen=True, slots=True)
class MemoryUsage:
    """`max_usage` is None where the kernel keeps none. `stats` has the kernel's own names."""

    usage: int = 0
    max_usage: int | None = None
    limit: int = UNLIMITED
    failures: int = 0
    stats: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CgroupUsage:
    """`io` by Docker's names of its lists; one that is missing is not counted by this kind of cgroup."""

    cpu: CpuUsage
    memory: MemoryUsage
    pids: int
    pids_limit: int
    io: Mapping[str, tuple[IoEntry, ...]]


_IO_V1 = {
    "io_service_bytes_recursive": "throttle.io_service_bytes_recursive",
    "io_serviced_recursive": "throttle.io_serviced_recursive",
    "io_queue_recursive": "io_queued_recursive",
    "io_service_time_recursive": "io_service_time_recursive",
    "io_wait_time_recursive": "io_wait_time_recursive",
    "io_merged_recursive": "io_merged_recursive",
    "io_time_recursive": "time_recursive",
    "sectors_recursive": "sectors_recursive",
}
_SCHEDULED = {
    "io_service_bytes_recursive": "bfq.io_service_bytes_recursive",
    "io_serviced_recursive": "bfq.io_serviced_recursive",
}


def process_cgroups(pid: int, name: str) -> dict[str, str]:
    """Controller -> path in its hierarchy; `""` is the unified one. Raises FileNotFoundError, ProcessLookupError."""
    return parse_process_cgroups(Path(f"/proc/{pid}/cgroup").read_text(), name)


def parse_process_cgroups(table: str, name: str) -> dict[str, str]:
    """A process that made cgroups below that of its container (an init system) counts for the one with `name`."""
    found = {}
    for line in table.splitlines():
        _number, controllers, path = line.split(":", 2)
        above, has_name, below = path.partition(name)
        own = above + has_name + below.partition("/")[0] if has_name else path
        found.update(dict.fromkeys(controllers.split(","), own))
    return found


def pids(pid: int, name: str, root: Path = ROOT) -> list[int]:
    """Every process in the cgroup with `name` that `pid` is in, and in those below it."""
    cgroups = process_cgroups(pid, name)
    directory = _directory(root, cgroups, "pids") if "pids" in cgroups else root / cgroups[""].lstrip("/")
    return [int(line) for folder, _, _ in os.walk(directory) for line in _text(Path(folder), "cgroup.procs").split()]


def read_usage(pid: int, name: str, root: Path = ROOT) -> CgroupUsage:
    """Of the cgroup with `name` that the process is in. Raises FileNotFoundError, ProcessLookupError."""
    cgroups = process_cgroups(pid, name)
    if "memory" in cgroups or "cpuacct" in cgroups:
        return _read_v1(root, cgroups)
    return _read_v2(root / cgroups[""].lstrip("/"))


def _read_v1(root: Path, cgroups: Mapping[str, str]) -> CgroupUsage:
    cpu, acct = _directory(root, cgroups, "cpu"), _directory(root, cgroups, "cpuacct")
    memory, tasks = _directory(root, cgroups, "memory"), _directory(root, cgroups, "pids")
    blkio = _directory(root, cgroups, "blkio")
    ticks, throttling = parse_pairs(_text(acct, "cpuacct.stat")), parse_pairs(_text(cpu, "cpu.stat"))
    return CgroupUsage(
        cpu=CpuUsage(
            total_ns=parse_number(_text(acct, "cpuacct.usage")),
            kernel_ns=ticks.get("system", 0) * TICK_NS,
            user_ns=ticks.get("user", 0) * TICK_NS,
            per_cpu_ns=tuple(int(n) for n in _text(acct, "cpuacct.usage_percpu").split()),
            periods=throttling.get("nr_periods", 0),
            throttled_periods=throttling.get("nr_throttled", 0),
            throttled_ns=throttling.get("throttled_time", 0),
        ),
        memory=MemoryUsage(
            usage=parse_number(_text(memory, "memory.usage_in_bytes")),
            max_usage=parse_number(_text(memory, "memory.max_usage_in_bytes")),
            limit=parse_number(_text(memory, "memory.limit_in_bytes")),
            failures=parse_number(_text(memory, "memory.failcnt")),
            stats=parse_pairs(_text(memory, "memory.stat")),
        ),
        pids=parse_number(_text(tasks, "pids.current")),
        pids_limit=parse_number(_text(tasks, "pids.max").replace("max", "0")),
        io={name: _read_io_v1(blkio, name, file) for name, file in _IO_V1.items()},
    )


def _read_io_v1(directory: Path, name: str, file: str) -> tuple[IoEntry, ...]:
    return parse_io_v1(_text(directory, f"blkio.{file}") or _text(directory, f"blkio.{_SCHEDULED.get(name, file)}"))


def _read_v2(directory: Path) -> CgroupUsage:
    cpu, events = parse_pairs(_text(directory, "cpu.stat")), parse_pairs(_text(directory, "memory.events"))
    return CgroupUsage(
        cpu=CpuUsage(
            total_ns=cpu.get("usage_usec", 0) * 1000,
            kernel_ns=cpu.get("system_usec", 0) * 1000,
            user_ns=cpu.get("user_usec", 0) * 1000,
            periods=cpu.get("nr_periods", 0),
            throttled_periods=cpu.get("nr_throttled", 0),
            throttled_ns=cpu.get("throttled_usec", 0) * 1000,
        ),
        memory=MemoryUsage(
            usage=parse_number(_text(directory, "memory.current")),
            limit=parse_number(_text(directory, "memory.max")),
            failures=events.get("oom", 0),
            stats=parse_pairs(_text(directory, "memory.stat")),
        ),
        pids=parse_number(_text(directory, "pids.current")),
        pids_limit=parse_number(_text(directory, "pids.max")),
        io={"io_service_bytes_recursive": parse_io_v2(_text(directory, "io.stat"))},
    )


def parse_number(text: str) -> int:
    """`max` is no limit; an empty file is 0."""
    text = text.strip()
    return UNLIMITED if text == "max" else int(text or 0)


def parse_pairs(text: str) -> dict[str, int]:
    pairs = (line.rpartition(" ") for line in text.splitlines())
    return {name: int(value) for name, _, value in pairs if name and value.isdigit()}


def parse_io_v1(text: str) -> tuple[IoEntry, ...]:
    """`8:0 Read 4096`, or `8:0 12` where the kernel does not tell operations apart; the total line is no entry."""
    entries = []
    for words in map(str.split, text.splitlines()):
        if ":" in words[0]:
            major, minor = words[0].split(":")
            op = words[1] if len(words) > 2 else ""
            entries.append(IoEntry(int(major), int(minor), op, int(words[-1])))
    return tuple(entries)


def parse_io_v2(text: str) -> tuple[IoEntry, ...]:
    """`8:0 rbytes=4096 wbytes=0 …`"""
    entries = []
    for device, *fields in map(str.split, text.splitlines()):
        major, minor = (int(n) for n in device.split(":"))
        counted = dict(f.split("=") for f in fields)
        entries += [IoEntry(major, minor, op, int(counted.get(key, 0))) for op, key in _IO_V2]
    return tuple(entries)


_IO_V2 = (("read", "rbytes"), ("write", "wbytes"))


def _directory(root: Path, cgroups: Mapping[str, str], controller: str) -> Path:
    return root / controller / cgroups.get(controller, "/").lstrip("/")


def _text(directory: Path, name: str) -> str:
    try:
        return (directory / name).read_text()
    except OSError:
        return ""
