"""What a container's OCI spec is built from: every choice made, every path and number resolved. No defaults of the
engine's configuration are known here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.base.idmap import NO_SHIFT, IdMap


@dataclass(frozen=True, slots=True)
class User:
    uid: int = 0
    gid: int = 0
    additional_gids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rlimit:
    """`name` as in `nofile`."""

    name: str
    hard: int
    soft: int


@dataclass(frozen=True, slots=True)
class SpecMount:
    destination: str
    source: str
    type: str = "bind"
    options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Device:
    """A node in the container; `access` is its cgroup permission."""

    path: str
    type: str
    major: int
    minor: int
    mode: int = 0o666
    uid: int = 0
    gid: int = 0
    access: str = "rwm"


@dataclass(frozen=True, slots=True)
class DeviceRule:
    """`c 42:* rwm`; a number of None is any."""

    type: str
    major: int | None
    minor: int | None
    access: str


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Each is `private`, `host`, or the path of a namespace to join."""

    network: str = "private"
    ipc: str = "private"
    pid: str = "private"
    uts: str = "private"
    cgroup: str = "host"
    user: str = "host"


@dataclass(frozen=True, slots=True)
class Throttle:
    major: int
    minor: int
    rate: int


@dataclass(frozen=True, slots=True)
class Resources:
    """None: not limited. Memory in bytes, swap is memory and swap together, -1 without limit."""

    memory: int | None = None
    memory_reservation: int | None = None
    memory_swap: int | None = None
    swappiness: int | None = None
    oom_kill_disable: bool = False
    cpu_shares: int | None = None
    cpu_quota: int | None = None
    cpu_period: int | None = None
    cpu_realtime_runtime: int | None = None
    cpu_realtime_period: int | None = None
    nano_cpus: int | None = None
    cpuset_cpus: str = ""
    cpuset_mems: str = ""
    pids: int | None = None
    blkio_weight: int | None = None
    blkio_weight_device: tuple[Throttle, ...] = ()
    read_bps: tuple[Throttle, ...] = ()
    write_bps: tuple[Throttle, ...] = ()
    read_iops: tuple[Throttle, ...] = ()
    write_iops: tuple[Throttle, ...] = ()


@dataclass(frozen=True, slots=True)
class ProcessRequest:
    """A container's first process, or an exec."""

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    user: User = User()
    terminal: bool = False
    console_size: tuple[int, int] | None = None  # height, width
    capabilities: tuple[str, ...] = ()
    no_new_privileges: bool = False
    rlimits: tuple[Rlimit, ...] = ()
    oom_score_adj: int | None = None
    apparmor_profile: str = ""
    selinux_label: str = ""


@dataclass(frozen=True, slots=True)
class SpecRequest:
    """`seccomp`: `default`, `unconfined`, or a profile in Docker's format. `bounding`: what this host can give.
    `masked_paths` and `readonly_paths` of None are the defaults. `mounts` replace default ones of their destination.
    `shm_size` of None: no /dev/shm. `private_network`: its sysctls are the container's own."""

    process: ProcessRequest
    rootfs: str
    cgroups_path: str
    bounding: frozenset[str]
    hostname: str = ""
    domainname: str = ""
    readonly_rootfs: bool = False
    cap_add: tuple[str, ...] = ()
    cap_drop: tuple[str, ...] = ()
    privileged: bool = False
    writable_cgroups: bool = False
    mounts: tuple[SpecMount, ...] = ()
    shm_size: int | None = 64 << 20
    masked_paths: tuple[str, ...] | None = None
    readonly_paths: tuple[str, ...] | None = None
    devices: tuple[Device, ...] = ()
    device_rules: tuple[DeviceRule, ...] = ()
    namespaces: Namespaces = Namespaces()
    resources: Resources = Resources()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    private_network: bool = True
    seccomp: str | Mapping[str, Any] = "default"
    mount_label: str = ""
    annotations: Mapping[str, str] = field(default_factory=dict)
    init_path: str | None = None
    arch: str = "amd64"
    kernel: tuple[int, int] = (5, 10)
    cpu_count: int = 0
    ids: IdMap = NO_SHIFT
