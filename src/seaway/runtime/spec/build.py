"""The OCI runtime spec of a container, as dockerd would write it. Values in, a dict out."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from seaway.base.idmap import IdRange
from seaway.runtime.spec.capabilities import resolve
from seaway.runtime.spec.mounts import build_mounts, masked_paths, readonly_paths, root_propagation
from seaway.runtime.spec.process import build_process
from seaway.runtime.spec.request import Namespaces, SpecMount, SpecRequest
from seaway.runtime.spec.resources import build_resources, device_node, device_rules, initial_limits
from seaway.runtime.spec.seccomp import default_profile
from seaway.runtime.spec.seccomp_custom import custom_profile

OCI_VERSION = "1.0.2"
INIT = "/sbin/docker-init"
_NETWORK_SYSCTLS = {"net.ipv4.ip_unprivileged_port_start": "0", "net.ipv4.ping_group_range": "0 2147483647"}


def build_spec(request: SpecRequest) -> dict[str, Any]:
    """Raises ValueError for an unknown capability or a seccomp profile that contradicts itself."""
    request = _with_init(request) if request.init_path else request
    caps = resolve(request.cap_add, request.cap_drop, request.bounding, privileged=request.privileged)
    spec: dict[str, Any] = {
        "ociVersion": OCI_VERSION,
        "process": build_process(replace(request.process, capabilities=caps)),
        "root": {"path": request.rootfs, "readonly": request.readonly_rootfs},
        "mounts": build_mounts(request),
        "linux": _linux(request, frozenset(caps)),
    }
    if request.namespaces.uts != "host":
        spec |= _present({"hostname": request.hostname, "domainname": request.domainname})
    return spec | _present({"annotations": dict(request.annotations)})


def _linux(request: SpecRequest, caps: frozenset[str]) -> dict[str, Any]:
    linux: dict[str, Any] = {
        "cgroupsPath": request.cgroups_path,
        "namespaces": _namespaces(request.namespaces),
        "resources": {"devices": device_rules(request), **build_resources(initial_limits(request.resources))},
        "maskedPaths": masked_paths(request),
        "readonlyPaths": readonly_paths(request),
    }
    return linux | _present(
        {
            "devices": [device_node(device) for device in request.devices],
            "sysctl": _sysctls(request),
            "seccomp": _seccomp(request, caps),
            "mountLabel": request.mount_label,
            "uidMappings": _mappings(request.ids.uids),
            "gidMappings": _mappings(request.ids.gids),
            "rootfsPropagation": root_propagation(request.mounts),
        }
    )


def _namespaces(chosen: Namespaces) -> list[dict[str, str]]:
    """The mount namespace is always the container's own."""
    wanted = {
        "network": chosen.network,
        "ipc": chosen.ipc,
        "pid": chosen.pid,
        "uts": chosen.uts,
        "cgroup": chosen.cgroup,
        "user": chosen.user,
    }
    joined = [
        {"type": kind} if where == "private" else {"type": kind, "path": where}
        for kind, where in wanted.items()
        if where != "host"
    ]
    return [{"type": "mount"}, *joined]


def _mappings(ranges: Iterable[IdRange]) -> list[dict[str, int]]:
    return [{"containerID": r.inside, "hostID": r.outside, "size": r.size} for r in ranges]


def _sysctls(request: SpecRequest) -> dict[str, str]:
    defaults = _NETWORK_SYSCTLS if request.private_network and request.namespaces.network != "host" else {}
    unmapped = {"net.ipv4.ping_group_range"} if request.ids else set()  # groups that a user namespace has not
    return {name: value for name, value in defaults.items() if name not in unmapped} | dict(request.sysctls)


def _seccomp(request: SpecRequest, caps: frozenset[str]) -> dict[str, Any] | None:
    if isinstance(request.seccomp, Mapping):
        return custom_profile(request.seccomp, caps, request.arch, request.kernel)
    if request.seccomp == "unconfined":
        return None
    return default_profile(caps, request.arch, request.kernel)


def _with_init(request: SpecRequest) -> SpecRequest:
    binary = SpecMount(INIT, request.init_path or "", "bind", ("bind", "ro"))
    process = replace(request.process, args=(INIT, "--", *request.process.args))
    return replace(request, process=process, mounts=(*request.mounts, binary))


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value}
