"""From a container's record to its OCI spec: names looked up, paths found, then the pure builder does the rest."""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.containers.container import Container
from seaway.containers.identity import Identity, UnknownUser
from seaway.containers.store import ContainerStore
from seaway.engine.defaults import ContainerDefaults
from seaway.engine.links import linked_environment
from seaway.engine.settings import Settings
from seaway.engine.spec.devices import parse_device_rule, plan_devices
from seaway.engine.spec.identity import container_identity
from seaway.engine.spec.mounts import plan_mounts, shm_directory
from seaway.engine.spec.namespaces import plan_namespaces
from seaway.engine.spec.process import process_request
from seaway.engine.spec.requests import apply_requests
from seaway.engine.spec.resources import plan_resources
from seaway.engine.spec.security import labels_of, seccomp_of
from seaway.kernel import cgroup
from seaway.kernel.process import find_program
from seaway.model.container import HostConfig, words
from seaway.model.modes import shared_with
from seaway.runtime.host import HostLimits, read_host_limits
from seaway.runtime.spec.build import build_spec
from seaway.runtime.spec.request import Namespaces, SpecMount, SpecRequest

CGROUP_ROOT = Path("/docker")
SLICE = "system.slice"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What of the engine's a container joins: taken on the event loop, read in a worker."""

    directory: Path
    namespaces: Namespaces
    mounts: tuple[SpecMount, ...]
    shm: Path | None
    defaults: ContainerDefaults
    ids: IdMap = NO_SHIFT
    linked: tuple[str, ...] = ()
    """What `--link` adds to the environment."""


def surroundings(
    container: Container,
    containers: ContainerStore,
    settings: Settings,
    netns_path: str | None,
    mounts: tuple[SpecMount, ...],
) -> Surroundings:
    """Raises JoinRefused."""
    ids = settings.ids_of(container.host_config)
    namespaces = plan_namespaces(container, containers, netns_path, remapped=bool(ids))
    other = shared_with(container.host_config.ipc_mode)
    shm = shm_directory(containers.directory(containers.find(other).id)) if other else None
    linked = tuple(linked_environment(container, containers)) if "bridge" in container.endpoints else ()
    return Surroundings(containers.directory(container.id), namespaces, mounts, shm, settings.defaults, ids, linked)


def container_spec(container: Container, rootfs: Path, around: Surroundings) -> dict[str, Any]:
    """Blocks on the container's files and the host's devices. Whatever is wrong is a SystemFailure, as in dockerd."""
    _give_realtime(container, around.defaults)
    try:
        identity = container_identity(container, rootfs)
        spec = build_spec(spec_request(container, rootfs, around, identity))
        return apply_requests(spec, container.host_config.device_requests or (), around.defaults.cdi_spec_dirs)
    except (ValueError, UnknownUser) as invalid:
        raise SystemFailure(str(invalid)) from invalid


def spec_request(container: Container, rootfs: Path, around: Surroundings, identity: Identity) -> SpecRequest:
    config, host = container.config, container.host_config
    return SpecRequest(
        process=process_request(container, identity, around.defaults, around.linked),
        rootfs=str(rootfs),
        cgroups_path=cgroups_path(container, around.defaults),
        bounding=bounding_set(),
        hostname=config.hostname,
        domainname=config.domainname,
        readonly_rootfs=host.readonly_rootfs,
        cap_add=tuple(words(host.cap_add)),
        cap_drop=tuple(words(host.cap_drop)),
        privileged=host.privileged,
        writable_cgroups=container.writable_cgroups,
        mounts=plan_mounts(host, around.directory, around.mounts, around.shm),
        shm_size=None if host.ipc_mode == "none" else host.shm_size,
        masked_paths=_paths(host, host.masked_paths),
        readonly_paths=_paths(host, host.readonly_paths),
        devices=plan_devices(host),
        device_rules=tuple(parse_device_rule(rule) for rule in host.device_cgroup_rules or ()),
        namespaces=around.namespaces,
        resources=plan_resources(host),
        sysctls=host.sysctls if isinstance(host.sysctls, dict) else {},
        private_network=_private_network(host),
        seccomp=seccomp_of(container, around.defaults),
        mount_label=labels_of(container, around.defaults).mount,
        annotations=host.annotations if isinstance(host.annotations, dict) else {},
        init_path=_init_path(host, around.defaults),
        arch=host_limits().arch,
        kernel=kernel_version(),
        cpu_count=host_limits().cpu_count,
        ids=around.ids,
    )


def cgroups_path(container: Container, defaults: ContainerDefaults) -> str:
    parent = container.host_config.cgroup_parent or defaults.cgroup_parent
    if defaults.systemd_cgroups:
        return f"{parent or SLICE}:docker:{container.id}"
    return os.path.normpath(f"{parent or CGROUP_ROOT}/{container.id}")


def _give_realtime(container: Container, defaults: ContainerDefaults) -> None:
    if any(defaults.realtime) and not defaults.systemd_cgroups:
        try:
            cgroup.set_realtime(str(Path(cgroups_path(container, defaults)).parent), *defaults.realtime)
        except OSError as failure:
            raise SystemFailure(f"unable to init CPU RT controller: {failure}") from failure


def _private_network(host: HostConfig) -> bool:
    """Whether the network namespace is this container's own, so that its sysctls are."""
    return host.network_mode != "host" and shared_with(host.network_mode) is None


def _paths(host: HostConfig, paths: list[str] | None) -> tuple[str, ...] | None:
    if host.privileged:
        return ()
    return None if paths is None else tuple(paths)


def _init_path(host: HostConfig, defaults: ContainerDefaults) -> str | None:
    """An init is only for a pid namespace of the container's own."""
    wanted = host.init if isinstance(host.init, bool) else defaults.init
    if not wanted or host.pid_mode:
        return None
    found = defaults.init_path or find_program("docker-init", "tini-static", "tini", "catatonit")
    if not found:
        raise SystemFailure('exec: "docker-init": executable file not found in $PATH')
    return found


@cache
def host_limits() -> HostLimits:
    return read_host_limits()


def bounding_set() -> frozenset[str]:
    """What this host can give: asking for more than our own bounding set would fail every container."""
    return host_limits().bounding


def kernel_version() -> tuple[int, int]:
    return host_limits().kernel
