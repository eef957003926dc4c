"""What this machine has, as one value: read once, judged elsewhere."""

import gzip
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from seaway.kernel import cgroup
from seaway.kernel.chroot import is_chrooted
from seaway.kernel.process import find_program

PROGRAMS = ("crun", "runc", "conmon", "nft", "iptables", "tar", "docker-init", "docker", "ps")
CAPABILITIES = {12: "NET_ADMIN", 21: "SYS_ADMIN", 24: "SYS_RESOURCE"}


@dataclass(frozen=True, slots=True)
class Host:
    root: bool
    python: tuple[int, int]
    programs: frozenset[str]
    filesystems: frozenset[str]
    kernel_options: frozenset[str]
    namespaces: frozenset[str]
    cgroup_version: int
    controllers: frozenset[str]
    unmounted_for_crun: frozenset[str]
    seccomp: bool
    capabilities: frozenset[str]
    groups: frozenset[str]
    shared_root: bool
    chrooted: bool
    protocols: bool
    settings: dict[str, str]


def read_host() -> Host:
    version, controllers = _cgroups()
    return Host(
        root=os.geteuid() == 0,
        python=(sys.version_info.major, sys.version_info.minor),
        programs=frozenset(name for name in PROGRAMS if find_program(name)),
        filesystems=frozenset(line.split()[-1] for line in _lines("/proc/filesystems")),
        kernel_options=_kernel_options(),
        namespaces=frozenset(os.listdir("/proc/self/ns")),
        cgroup_version=version,
        controllers=controllers,
        unmounted_for_crun=cgroup.missing_controllers(),
        seccomp="Seccomp" in _status(),
        capabilities=_capabilities(),
        groups=frozenset(line.partition(":")[0] for line in _lines("/etc/group")),
        shared_root=_root_is_shared(),
        chrooted=is_chrooted(),
        protocols=Path("/etc/protocols").exists(),
        settings={name: _first(f"/proc/sys/{name}") for name in ("net/ipv4/ip_forward",)},
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(errors="replace").splitlines()
    except OSError:
        return []


def _first(path: str) -> str:
    return next(iter(_lines(path)), "")


def _status() -> dict[str, str]:
    return {key: value.strip() for key, _, value in (line.partition(":") for line in _lines("/proc/self/status"))}


def _capabilities() -> frozenset[str]:
    bounding = int(_status().get("CapBnd", "0"), 16)
    return frozenset(name for bit, name in CAPABILITIES.items() if bounding >> bit & 1)


def _cgroups() -> tuple[int, frozenset[str]]:
    unified = Path("/sys/fs/cgroup/cgroup.controllers")
    if unified.exists():
        return 2, frozenset(unified.read_text().split())
    mounted = {option for line in _lines("/proc/self/mounts") if " cgroup " in line for option in _options(line)}
    known = {line.split()[0] for line in _lines("/proc/cgroups") if not line.startswith("#")}
    return 1, frozenset(mounted & known)


def _options(mount: str) -> list[str]:
    return mount.split()[3].split(",")


def _kernel_options() -> frozenset[str]:
    """CONFIG_… that the kernel has, built in or as a module. Empty where the kernel does not tell."""
    release = os.uname().release
    for path, opened in (("/proc/config.gz", gzip.open), (f"/boot/config-{release}", open)):
        if Path(path).exists():
            with opened(path, "rt") as lines:
                return frozenset(line.partition("=")[0] for line in lines if line.rstrip().endswith(("=y", "=m")))
    return frozenset()


def _root_is_shared() -> bool:
    for line in _lines("/proc/self/mountinfo"):
        fields = line.split()
        if fields[4] == "/":
            return any(field.startswith("shared:") for field in fields[6:])
    return False
