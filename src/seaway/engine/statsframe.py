"""One frame of `docker stats`, with the keys that dockerd sends for cgroup v1 and v2. Values in, a JSON value out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from seaway.base import clock
from seaway.kernel.cgroupstats import CgroupUsage, IoEntry, MemoryUsage
from seaway.kernel.netstats import InterfaceCounters

_IO_LISTS = (
    "io_service_bytes_recursive",
    "io_serviced_recursive",
    "io_queue_recursive",
    "io_service_time_recursive",
    "io_wait_time_recursive",
    "io_merged_recursive",
    "io_time_recursive",
    "sectors_recursive",
)
# The part of memory.stat that dockerd passes on: v1's names, each also with `total_` before it …
_MEMORY_V1 = (
    *("cache", "rss", "rss_huge", "mapped_file", "dirty", "writeback", "pgpgin", "pgpgout", "pgfault", "pgmajfault"),
    *("inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable"),
)
_MEMORY_V1_LIMITS = ("hierarchical_memory_limit", "hierarchical_memsw_limit")
# … and v2's.
_MEMORY_V2 = (
    *("anon", "file", "kernel_stack", "slab", "sock", "shmem", "file_mapped", "file_dirty", "file_writeback"),
    *("anon_thp", "inactive_anon", "active_anon", "inactive_file", "active_file", "unevictable"),
    *("slab_reclaimable", "slab_unreclaimable", "pgfault", "pgmajfault", "workingset_refault"),
    *("workingset_activate", "workingset_nodereclaim", "pgrefill", "pgscan", "pgsteal", "pgactivate"),
    *("pgdeactivate", "pglazyfree", "pglazyfreed", "thp_fault_alloc", "thp_collapse_alloc"),
)


@dataclass(frozen=True, slots=True)
class Sample:
    """What was counted at one moment; `usage` is None where nothing runs. `system_ns`: the CPU time of all CPUs."""

    at: str = clock.ZERO_TIME
    usage: CgroupUsage | None = None
    system_ns: int = 0
    cpus: int = 0
    machine_memory: int = 0
    interfaces: Mapping[str, InterfaceCounters] | None = None


def stats_frame(container_id: str, name: str, sample: Sample, before: Sample) -> dict[str, Any]:
    usage = sample.usage
    frame: dict[str, Any] = {
        "name": f"/{name}",
        "id": container_id,
        "read": sample.at,
        "preread": before.at,
        "pids_stats": _present({"current": usage.pids, "limit": usage.pids_limit}) if usage else {},
        "blkio_stats": {key: _entries(usage, key) for key in _IO_LISTS},
        "num_procs": 0,
        "storage_stats": {},
        "cpu_stats": _cpu(sample),
        "precpu_stats": _cpu(before),
        "memory_stats": _memory(usage.memory, sample.machine_memory) if usage else {},
    }
    if sample.interfaces:
        frame["networks"] = {name: asdict(counters) for name, counters in sample.interfaces.items()}
    return frame


def _entries(usage: CgroupUsage | None, key: str) -> list[dict[str, Any]] | None:
    entries: tuple[IoEntry, ...] | None = usage.io.get(key) if usage else None
    return None if entries is None else [asdict(entry) for entry in entries]


def _cpu(sample: Sample) -> dict[str, Any]:
    cpu = sample.usage.cpu if sample.usage else None
    return {
        "cpu_usage": {
            "total_usage": cpu.total_ns if cpu else 0,
            **({"percpu_usage": list(cpu.per_cpu_ns)} if cpu and cpu.per_cpu_ns else {}),
            "usage_in_kernelmode": cpu.kernel_ns if cpu else 0,
            "usage_in_usermode": cpu.user_ns if cpu else 0,
        },
        **_present({"system_cpu_usage": sample.system_ns, "online_cpus": sample.cpus}),
        "throttling_data": {
            "periods": cpu.periods if cpu else 0,
            "throttled_periods": cpu.throttled_periods if cpu else 0,
            "throttled_time": cpu.throttled_ns if cpu else 0,
        },
    }


def _memory(memory: MemoryUsage, machine_memory: int) -> dict[str, Any]:
    """Without a limit of its own a container has the machine's."""
    return _present(
        {
            "usage": memory.usage,
            "max_usage": memory.max_usage,
            "stats": _memory_stats(memory),
            "failcnt": memory.failures,
            "limit": min(memory.limit, machine_memory or memory.limit),
        }
    )


def _memory_stats(memory: MemoryUsage) -> dict[str, int]:
    counted = memory.stats
    if "hierarchical_memory_limit" not in counted:
        # A kernel may lack some; `slab` is the sum of two where it is missing.
        slab = counted.get("slab_reclaimable", 0) + counted.get("slab_unreclaimable", 0)
        return {name: counted.get(name, slab if name == "slab" else 0) for name in _MEMORY_V2}
    own = {name: counted.get(name, 0) for name in (*_MEMORY_V1, *_MEMORY_V1_LIMITS)}
    total = {f"total_{name}": counted.get(f"total_{name}", 0) for name in _MEMORY_V1}
    return dict(sorted({**own, **total}.items()))


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
