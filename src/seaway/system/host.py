"""The host's true figures, read from /proc and /sys; `root` is another tree in tests."""

import os
from dataclasses import dataclass
from pathlib import Path

from seaway.kernel import selinux

WEIGHTS = ("weight", "weight_device")
THROTTLES = ("read_bps_device", "write_bps_device", "read_iops_device", "write_iops_device")


@dataclass(frozen=True, slots=True)
class CgroupSupport:
    version: int
    memory: bool = False
    swap: bool = False
    oom_kill_disable: bool = False
    cpu_shares: bool = False
    cpu_quota: bool = False
    cpuset: bool = False
    pids: bool = False
    reservation: bool = False
    swappiness: bool = False
    cpu_realtime: bool = False
    cpus: str = ""
    mems: str = ""
    """What there is in the cpuset of the root, as the kernel lists it."""
    blkio: frozenset[str] = frozenset()
    """Of `weight`, `weight_device`, `read_bps_device`, `write_bps_device`, `read_iops_device`, `write_iops_device`."""


@dataclass(frozen=True, slots=True)
class Host:
    name: str
    kernel: str
    machine: str
    operating_system: str
    os_version: str
    cpus: int
    memory_bytes: int
    cgroups: CgroupSupport
    ipv4_forwarding: bool
    seccomp: bool
    apparmor: bool
    selinux: bool = False


def read_host(root: Path = Path("/")) -> Host:
    names, release = os.uname(), read_os_release(root)
    return Host(
        name=names.nodename,
        kernel=names.release,
        machine=names.machine,
        operating_system=release.get("PRETTY_NAME") or release.get("NAME") or "Linux",
        os_version=release.get("VERSION_ID", ""),
        cpus=len(os.sched_getaffinity(0)),
        memory_bytes=read_memory_total(root),
        cgroups=read_cgroups(root),
        ipv4_forwarding=forwards_ipv4(root),
        seccomp="\nSeccomp:" in _text(root / "proc/self/status"),
        apparmor=_text(root / "sys/module/apparmor/parameters/enabled") == "Y",
        selinux=selinux.is_enabled(root),
    )


def forwards_ipv4(root: Path = Path("/")) -> bool:
    """This moment: the administrator may change it."""
    return _text(root / "proc/sys/net/ipv4/ip_forward") == "1"


def read_os_release(root: Path) -> dict[str, str]:
    text = _text(root / "etc/os-release") or _text(root / "usr/lib/os-release")
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
    return {key.strip(): value.strip().strip("\"'") for key, _, value in pairs}


def read_memory_total(root: Path) -> int:
    for line in _text(root / "proc/meminfo").splitlines():
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def read_cgroups(root: Path) -> CgroupSupport:
    base = root / "sys/fs/cgroup"
    controllers = base / "cgroup.controllers"
    return _unified(root, set(_text(controllers).split())) if controllers.exists() else _separate(base)


def _unified(root: Path, controllers: set[str]) -> CgroupSupport:
    own = _text(root / "proc/self/cgroup").rpartition("::/")[2]
    return CgroupSupport(
        version=2,
        memory="memory" in controllers,
        # The root group has no such file, in which case the kernel is believed to have it.
        swap="memory" in controllers and (not own or (root / "sys/fs/cgroup" / own / "memory.swap.max").exists()),
        cpu_shares="cpu" in controllers,
        cpu_quota="cpu" in controllers,
        cpuset="cpuset" in controllers,
        pids="pids" in controllers,
        reservation="memory" in controllers,
        cpus=_text(root / "sys/fs/cgroup/cpuset.cpus.effective"),
        mems=_text(root / "sys/fs/cgroup/cpuset.mems.effective"),
        # Which file takes a weight is for the runtime to find: a group shows it only where its parent distributes io.
        blkio=frozenset((*WEIGHTS, *THROTTLES)) if "io" in controllers else frozenset(),
    )


def _separate(base: Path) -> CgroupSupport:
    return CgroupSupport(
        version=1,
        memory=(base / "memory/memory.limit_in_bytes").exists(),
        swap=(base / "memory/memory.memsw.limit_in_bytes").exists(),
        oom_kill_disable=(base / "memory/memory.oom_control").exists(),
        cpu_shares=(base / "cpu/cpu.shares").exists(),
        cpu_quota=(base / "cpu/cpu.cfs_quota_us").exists(),
        cpuset=(base / "cpuset/cpuset.cpus").exists(),
        pids=(base / "pids").is_dir(),
        reservation=(base / "memory/memory.soft_limit_in_bytes").exists(),
        swappiness=(base / "memory/memory.swappiness").exists(),
        cpu_realtime=(base / "cpu/cpu.rt_period_us").exists(),
        cpus=_text(base / "cpuset/cpuset.cpus"),
        mems=_text(base / "cpuset/cpuset.mems"),
        blkio=frozenset(
            [name for name in WEIGHTS if (base / "blkio" / f"blkio.{name}").exists()]
            + [name for name in THROTTLES if (base / "blkio" / f"blkio.throttle.{name}").exists()]
        ),
    )


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""
