"""From a container's record to its OCI spec: names looked up, paths found, then the pure builder does the rest."""

import os
import platform
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from seaway.base.errors import InvalidParameter, NotImplementedByEngine
from seaway.containers.container import Container
from seaway.containers.identity import Identity, resolve_identity
from seaway.kernel.process import find_program
from seaway.model.container import HostConfig
from seaway.runtime.spec.build import build_spec
from seaway.runtime.spec.capabilities import parse_mask
from seaway.runtime.spec.request import (
    DeviceRule,
    Namespaces,
    ProcessRequest,
    Resources,
    Rlimit,
    SpecMount,
    SpecRequest,
    User,
)

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_RULE = re.compile(r"([abc]) (\d+|\*):(\d+|\*) ([rwm]{1,3})$")


def container_spec(
    container: Container, directory: Path, rootfs: Path, netns_path: str | None, mounts: Iterable[SpecMount] = ()
) -> dict[str, Any]:
    """Blocks on reading the image's passwd and group. `mounts` are the container's own. Raises InvalidParameter."""
    identity = container_identity(container, rootfs)
    try:
        return build_spec(spec_request(container, directory, rootfs, netns_path, identity, mounts))
    except ValueError as invalid:
        raise InvalidParameter(str(invalid)) from invalid


def container_identity(container: Container, rootfs: Path, user: str | None = None) -> Identity:
    groups = [str(g) for g in container.host_config.group_add or ()]
    passwd, group = _read(rootfs, "etc/passwd"), _read(rootfs, "etc/group")
    return resolve_identity(container.config.user if user is None else user, passwd, group, groups)


def spec_request(
    container: Container,
    directory: Path,
    rootfs: Path,
    netns_path: str | None,
    identity: Identity,
    mounts: Iterable[SpecMount] = (),
) -> SpecRequest:
    config, host = container.config, container.host_config
    options = dict(option.partition("=")[::2] for option in host.security_opt or ())
    unmasked = options.get("systempaths") == "unconfined" or host.privileged
    return SpecRequest(
        process=_process(container, identity, no_new_privileges=options.get("no-new-privileges") in ("", "true")),
        rootfs=str(rootfs),
        cgroups_path=f"{host.cgroup_parent or '/docker'}/{container.id}",
        bounding=bounding_set(),
        hostname=config.hostname,
        domainname=config.domainname,
        readonly_rootfs=host.readonly_rootfs,
        cap_add=tuple(host.cap_add or ()),
        cap_drop=tuple(host.cap_drop or ()),
        privileged=host.privileged,
        mounts=(*own_files(directory), *mounts),
        shm_size=host.shm_size,
        masked_paths=() if unmasked else _maybe(host.masked_paths),
        readonly_paths=() if unmasked else _maybe(host.readonly_paths),
        device_rules=tuple(parse_device_rule(rule) for rule in host.device_cgroup_rules or ()),
        namespaces=_namespaces(host, netns_path),
        resources=_resources(host),
        sysctls=host.sysctls if isinstance(host.sysctls, dict) else {},
        seccomp="unconfined" if host.privileged or options.get("seccomp") == "unconfined" else "default",
        init_path=_init_path() if host.init is True else None,
        kernel=kernel_version(),
        cpu_count=os.cpu_count() or 1,
    )


def _process(container: Container, identity: Identity, *, no_new_privileges: bool) -> ProcessRequest:
    config, host = container.config, container.host_config
    return ProcessRequest(
        args=(container.path, *container.args),
        env=tuple(environment(container, identity)),
        cwd=config.working_dir or "/",
        user=User(identity.uid, identity.gid, identity.groups),
        terminal=config.tty,
        console_size=(host.console_size[0], host.console_size[1]) if any(host.console_size) else None,
        no_new_privileges=no_new_privileges,
        rlimits=tuple(Rlimit(u.name, u.hard, u.soft) for u in host.ulimits or ()),
        oom_score_adj=host.oom_score_adj,
    )


def environment(container: Container, identity: Identity) -> list[str]:
    """PATH, HOSTNAME, TERM and HOME come first, and what the user or the image set replaces them."""
    config = container.config
    base = {"PATH": DEFAULT_PATH, "HOSTNAME": config.hostname} | ({"TERM": "xterm"} if config.tty else {})
    own = [entry for entry in config.env or () if "=" in entry]
    named = {entry.partition("=")[0] for entry in own}
    first = [f"{name}={value}" for name, value in base.items() if name not in named]
    last = [] if "HOME" in named else [f"HOME={identity.home}"]
    return [*first, *own, *last]


def _namespaces(host: HostConfig, netns_path: str | None) -> Namespaces:
    for kind, mode in (("IPC", host.ipc_mode), ("PID", host.pid_mode)):
        if mode.startswith("container:"):
            # A private namespace instead would look as if it had worked.
            raise NotImplementedByEngine(f"{kind} mode {mode}: joining another container is not supported yet")
    return Namespaces(
        network=netns_path or "host",
        ipc="host" if host.ipc_mode == "host" else "private",
        pid="host" if host.pid_mode == "host" else "private",
        uts="host" if host.uts_mode == "host" else "private",
        cgroup="private" if host.cgroupns_mode == "private" else "host",
    )


def _resources(host: HostConfig) -> Resources:
    return Resources(
        memory=host.memory or None,
        memory_reservation=host.memory_reservation or None,
        memory_swap=host.memory_swap or None,
        swappiness=host.memory_swappiness,
        oom_kill_disable=bool(host.oom_kill_disable),
        cpu_shares=host.cpu_shares or None,
        cpu_quota=host.cpu_quota or None,
        cpu_period=host.cpu_period or None,
        nano_cpus=host.nano_cpus or None,
        cpuset_cpus=host.cpuset_cpus,
        cpuset_mems=host.cpuset_mems,
        pids=host.pids_limit,
        blkio_weight=host.blkio_weight or None,
    )


def own_files(directory: Path) -> list[SpecMount]:
    names = {"resolv.conf": "/etc/resolv.conf", "hostname": "/etc/hostname", "hosts": "/etc/hosts"}
    return [
        SpecMount(target, str(directory / name), "bind", ("rbind", "rprivate"))
        for name, target in names.items()
        if (directory / name).exists()
    ]


def parse_device_rule(text: str) -> DeviceRule:
    found = _RULE.match(text)
    if not found:
        raise InvalidParameter(f"invalid device cgroup rule format: '{text}'")
    kind, major, minor, access = found.groups()
    return DeviceRule(kind, None if major == "*" else int(major), None if minor == "*" else int(minor), access)


def _maybe(paths: list[str] | None) -> tuple[str, ...] | None:
    return None if paths is None else tuple(paths)


def _read(rootfs: Path, name: str) -> str:
    """A file of the image, never one of the host's behind a link that leads out."""
    path = (rootfs / name).resolve()
    if not path.is_relative_to(rootfs):
        return ""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""


def _init_path() -> str:
    found = find_program("docker-init", "tini-static", "tini", "catatonit")
    if not found:
        raise InvalidParameter('exec: "docker-init": executable file not found in $PATH')
    return found


@cache
def bounding_set() -> frozenset[str]:
    """What this host can give: asking for more than our own bounding set would fail every container."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            return parse_mask(int(line.split()[1], 16))
    return frozenset()


@cache
def kernel_version() -> tuple[int, int]:
    numbers = re.findall(r"\d+", platform.release())
    return int(numbers[0]), int(numbers[1])
