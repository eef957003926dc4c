"""`seaway check`: what this machine lacks, what it is for, and how to get it."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from seaway.cli.host import Host, read_host
from seaway.networks import firewalld
from seaway.networks.firewall.foreign import FIREWALLD, Closed, remedy
from seaway.networks.passage import find_closed

USAGE = """\
Usage:  seaway check [--all]

Says what this machine lacks to run containers, what each thing is for, and how to get it.
Ends with status 1 when something is missing that the engine cannot do without.

Options:
      --all    Name what is present, too
"""
NAMESPACES = {"mnt", "pid", "net", "ipc", "uts"}
CONTROLLERS = ("memory", "cpu", "pids", "cpuset")
HOST_CHANGES = """\
While it runs, the engine changes these settings of the host:
  net.ipv4.ip_forward = 1 (now {ip_forward}), unless --ip-forward=false: containers reach other hosts
  nftables: tables of its own, unless --iptables=false; a bridge (docker0), unless --bridge=none\
"""


@dataclass(frozen=True, slots=True)
class Need:
    """`remedy` is what to type or do; without `vital` the engine runs, but lacks what `purpose` names."""

    name: str
    purpose: str
    remedy: str
    met: Callable[[Host], bool]
    vital: bool = True


def _controller(name: str) -> Need:
    remedy = f"boot with cgroup v2, or: mount -t cgroup -o {name} cgroup /sys/fs/cgroup/{name}"
    return Need(f"cgroup controller {name}", f"limits on {name}", remedy, lambda host: name in host.controllers, False)


def _kernel_has(host: Host, option: str) -> bool:
    """A kernel that does not tell gets the benefit of the doubt."""
    return not host.kernel_options or option in host.kernel_options


NEEDS: tuple[Need, ...] = (
    Need("root", "namespaces, mounts and networks need it", "run as root", lambda h: h.root),
    Need("Python 3.11", "the engine is written in it", "apt-get install python3", lambda h: h.python >= (3, 11)),
    Need("CAP_SYS_ADMIN", "mounts and namespaces", "run outside an unprivileged container",
         lambda h: "SYS_ADMIN" in h.capabilities),
    Need("CAP_NET_ADMIN", "bridges, addresses and firewall rules", "run outside an unprivileged container",
         lambda h: "NET_ADMIN" in h.capabilities),
    Need("crun or runc", "starts containers", "apt-get install crun", lambda h: bool(h.programs & {"crun", "runc"})),
    Need("conmon", "owns a container's process, its output and its exit code", "apt-get install conmon",
         lambda h: "conmon" in h.programs),
    Need("tar", "unpacks layers", "apt-get install tar", lambda h: "tar" in h.programs),
    Need("nftables", "published ports and masquerading", "apt-get install nftables (or --iptables=false)",
         lambda h: bool({"nft", "iptables"} & h.programs)),
    Need("ps", "docker top", "apt-get install procps", lambda h: "ps" in h.programs, vital=False),
    Need("/etc/protocols", "nft knows tcp and udp by it: without it no port is published", "apt-get install netbase",
         lambda h: h.protocols, vital=False),
    Need("a root of its own", "in a chroot an exec would enter the machine's real root, not the container's",
         "enter the tree by pivot_root: systemd-nspawn or a container, not chroot", lambda h: not h.chrooted),
    Need("kernel namespaces", "isolate containers", "a kernel with CONFIG_NAMESPACES",
         lambda h: h.namespaces >= NAMESPACES),
    Need("a cgroup hierarchy", "groups a container's processes",
         "mount -t cgroup2 none /sys/fs/cgroup",
         lambda h: h.cgroup_version == 2 or bool(h.controllers)),
    Need("cgroup controller hugetlb", "crun does not start without it where cgroup v1 is mounted",
         "scripts/setup, or: mount -t cgroup -o hugetlb cgroup /sys/fs/cgroup/hugetlb",
         lambda h: not h.unmounted_for_crun),
    Need("overlay filesystem", "the overlay2 storage driver; without it there is vfs, slow and large",
         "modprobe overlay, or a kernel with CONFIG_OVERLAY_FS",
         lambda h: "overlay" in h.filesystems or _kernel_has(h, "CONFIG_OVERLAY_FS"), vital=False),
    Need("bridge", "the default network (--bridge=none does without)", "a kernel with CONFIG_BRIDGE",
         lambda h: _kernel_has(h, "CONFIG_BRIDGE"), vital=False),
    Need("veth", "connects a container to a bridge", "a kernel with CONFIG_VETH",
         lambda h: _kernel_has(h, "CONFIG_VETH"), vital=False),
    Need("vxlan", "overlay networks (--cluster-store)", "a kernel with CONFIG_VXLAN",
         lambda h: _kernel_has(h, "CONFIG_VXLAN"), vital=False),
    *map(_controller, CONTROLLERS),
    Need("seccomp", "filters a container's system calls", "a kernel with CONFIG_SECCOMP_FILTER",
         lambda h: h.seccomp, vital=False),
    Need("CAP_SYS_RESOURCE", "--privileged and --ulimit above the engine's own limits; it is left out of containers",
         "run outside a restricted container", lambda h: "SYS_RESOURCE" in h.capabilities, vital=False),
    Need("docker-init", "docker run --init", "apt-get install tini, and --init-path /usr/bin/tini-static",
         lambda h: "docker-init" in h.programs, vital=False),
    Need("group docker", "lets its members use the socket; without it only root may", "groupadd --system docker",
         lambda h: "docker" in h.groups, vital=False),
    Need("shared mount propagation of /", "binds with rshared or rslave", "mount --make-rshared /",
         lambda h: h.shared_root, vital=False),
    Need("docker CLI", "to give the engine something to do", "apt-get install docker-cli (Debian 12: docker.io)",
         lambda h: "docker" in h.programs, vital=False),
)  # fmt: skip


def report(host: Host, *, everything: bool = False) -> list[str]:
    """One line per need that is not met, the vital ones first."""
    lacking = sorted((need for need in NEEDS if not need.met(host)), key=lambda need: not need.vital)
    lines = [line for need in lacking for line in _lines_of(need)]
    if everything:
        lines += [f"ok       {need.name}: {need.purpose}" for need in NEEDS if need.met(host)]
    return [*lines, _verdict(lacking)]


def vital_lacking(host: Host) -> bool:
    return any(need.vital and not need.met(host) for need in NEEDS)


def main(argv: Sequence[str]) -> int:
    if unknown := set(argv) - {"--all", "--help", "-h"}:
        print(f"unknown argument: {min(unknown)}\nSee 'seaway check --help'.", file=sys.stderr)
        return 1
    if "--help" in argv or "-h" in argv:
        print(USAGE, end="")
        return 0
    host = read_host()
    print("\n".join(report(host, everything="--all" in argv)))
    if host.root:
        print("\n".join(asyncio.run(_foreign_rules())), end="")
    print(HOST_CHANGES.format(ip_forward=host.settings["net/ipv4/ip_forward"] or "unknown"))
    return int(vital_lacking(host))


async def _foreign_rules() -> list[str]:
    closed, answers = await find_closed(), await firewalld.is_reachable()
    if answers and not any(each.owner == FIREWALLD for each in closed):
        closed.append(Closed(FIREWALLD, owner=FIREWALLD))  # by iptables, where its chains have no name of their own
    return foreign_rules(closed, firewalld_answers=answers)


def foreign_rules(closed: Iterable[Closed], *, firewalld_answers: bool = False) -> list[str]:
    """Others' chains that may hold back containers' traffic, and what to do."""
    lines = [
        f"firewall {each} drops what is forwarded by default\n         "
        f"{remedy(each, firewalld_answers=firewalld_answers)}"
        for each in closed
    ]
    return [*lines, ""] if lines else []


def _lines_of(need: Need) -> list[str]:
    return [f"{'MISSING' if need.vital else 'lacking'}  {need.name}: {need.purpose}", f"         get it: {need.remedy}"]


def _verdict(lacking: Iterable[Need]) -> str:
    vital = [need.name for need in lacking if need.vital]
    return f"Not ready: {', '.join(vital)}." if vital else "Ready to run containers."
