"""What a new container's host configuration says where the user said nothing (inventory A4, adaptContainerSettings)."""

import os
from typing import Any

import msgspec

from seaway.base.errors import EngineError, InvalidParameter
from seaway.containers.store import ContainerStore
from seaway.engine.defaults import ContainerDefaults
from seaway.model.container import HostConfig
from seaway.model.modes import shared_with
from seaway.runtime.spec.mounts import READONLY_PATHS, default_masked_paths
from seaway.runtime.spec.selinux import options_for


def adapt_host_config(
    host: HostConfig, defaults: ContainerDefaults, containers: ContainerStore, runtime: str
) -> HostConfig:
    """Raises InvalidParameter where another container's namespace is asked for and there is no such container, or two
    are that have different SELinux labels."""
    _refuse_missing(host.ipc_mode, containers)
    _refuse_missing(host.pid_mode, containers)
    changes: dict[str, Any] = {
        "memory_swap": host.memory * 2 if host.memory > 0 and not host.memory_swap else host.memory_swap,
        "memory_swappiness": None if host.memory_swappiness == -1 else host.memory_swappiness,
        "pids_limit": host.pids_limit if host.pids_limit and host.pids_limit > 0 else None,
        "shm_size": host.shm_size or defaults.shm_size,
        "ipc_mode": host.ipc_mode or defaults.ipc_mode,
        "cgroupns_mode": host.cgroupns_mode or _cgroupns_mode(host, defaults),
        "network_mode": "bridge" if host.network_mode in ("", "default") else host.network_mode,
        "runtime": host.runtime or runtime,
        "security_opt": _security_options(host, containers),
        "oom_kill_disable": bool(host.oom_kill_disable),
        **{field: [value] for field in ("cap_add", "cap_drop") if isinstance(value := getattr(host, field), str)},
    }
    if not host.privileged:
        changes["masked_paths"] = (
            list(default_masked_paths(os.cpu_count() or 1)) if host.masked_paths is None else host.masked_paths
        )
        changes["readonly_paths"] = list(READONLY_PATHS) if host.readonly_paths is None else host.readonly_paths
    changes |= {field: _by_id(mode, containers) for field, mode in _modes(host, changes).items()}
    return msgspec.structs.replace(host, **changes)


def _modes(host: HostConfig, changes: dict[str, Any]) -> dict[str, str]:
    return {"ipc_mode": changes["ipc_mode"], "pid_mode": host.pid_mode, "network_mode": changes["network_mode"]}


def _by_id(mode: str, containers: ContainerStore) -> str:
    """A container that is joined is remembered by its ID: it may be renamed."""
    name = shared_with(mode)
    if not name:
        return mode
    try:
        return f"container:{containers.find(name).id}"
    except EngineError:
        return mode


def _refuse_missing(mode: str, containers: ContainerStore) -> None:
    if name := shared_with(mode):
        try:
            containers.find(name)
        except EngineError as missing:
            raise InvalidParameter(str(missing)) from missing


def _cgroupns_mode(host: HostConfig, defaults: ContainerDefaults) -> str:
    """A privileged container is given the host's on cgroup v1, where its own would take the hierarchy from it."""
    return "host" if host.privileged and not defaults.unified_cgroups else defaults.cgroupns_mode


def _security_options(host: HostConfig, containers: ContainerStore) -> list[str] | None:
    """What shares the host's processes gets no SELinux label, and what shares a container's gets that one's, unless the
    user chose one."""
    own = host.security_opt
    if any(option.partition("=")[0] == "label" for option in own or ()):
        return own
    if host.privileged or "host" in (host.ipc_mode, host.pid_mode):
        return [*(own or ()), "label=disable"]
    joined = filter(None, (shared_with(host.ipc_mode), shared_with(host.pid_mode)))
    labels = {containers.find(name).process_label for name in joined} - {""}
    if len(labels) > 1:
        raise InvalidParameter("--ipc and --pid containers SELinux labels aren't the same")
    options = [f"label={option}" for label in labels for option in options_for(label)]
    return [*(own or ()), *options] if options else own
