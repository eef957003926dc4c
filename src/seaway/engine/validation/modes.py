"""Namespace modes, and what cannot be asked for beside them."""

import re

from seaway.base.errors import InvalidParameter
from seaway.model.container import ContainerConfig, HostConfig
from seaway.model.modes import shared_with

_IPC_MODES = ("", "none", "private", "shareable", "host")
UNDEFINED_WITH_LINKS = "can't be used with links. This would result in undefined behavior"
_NAMED = re.compile(r"container:.+", re.S)


def validate_modes(host: HostConfig) -> None:
    # `container:` alone is an IPC mode to dockerd, and fails at the start.
    if host.ipc_mode not in _IPC_MODES and shared_with(host.ipc_mode) is None:
        raise InvalidParameter(f"invalid IPC mode: {host.ipc_mode}")
    if host.pid_mode not in ("", "host") and not _NAMED.fullmatch(host.pid_mode):
        raise InvalidParameter(f"invalid PID mode: {host.pid_mode}")
    if host.shm_size < 0:
        raise InvalidParameter("SHM size can not be less than 0")
    if host.uts_mode not in ("", "host"):
        raise InvalidParameter(f"invalid UTS mode: {host.uts_mode}")
    if not -1000 <= host.oom_score_adj <= 1000:
        raise InvalidParameter(f"Invalid value {host.oom_score_adj}, range for oom score adj is [-1000, 1000]")


def refuse_beside_user_namespaces(host: HostConfig) -> None:
    """What a container with remapped users cannot have of the host."""
    if host.privileged:
        raise InvalidParameter(
            "privileged mode is incompatible with user namespaces.  "
            "You must run the container in the host namespace when running privileged mode"
        )
    if host.network_mode == "host":
        raise InvalidParameter("cannot share the host's network namespace when user namespaces are enabled")
    if host.pid_mode == "host":
        raise InvalidParameter("cannot share the host PID namespace when user namespaces are enabled")


def validate_network_mode(config: ContainerConfig, host: HostConfig) -> None:
    sharing = shared_with(host.network_mode) is not None
    if host.network_mode == "container" or (sharing and not host.network_mode.split(":")[1]):
        raise InvalidParameter("invalid network mode: invalid container format container:<name|id>")
    publishing = host.port_bindings or host.publish_all_ports
    conflicts = [
        (sharing and config.hostname, "hostname and the network mode"),
        (sharing and host.links, f"container type network {UNDEFINED_WITH_LINKS}"),
        (sharing and host.dns, "dns and the network mode"),
        (sharing and host.extra_hosts, "custom host-to-IP mapping and the network mode"),
        ((sharing or host.network_mode == "host") and config.mac_address, "mac-address and the network mode"),
        (sharing and publishing, "port publishing and the container type network mode"),
        (sharing and config.exposed_ports, "port exposing and the container type network mode"),
        (host.uts_mode == "host" and config.hostname, "hostname and the UTS mode"),
        (host.network_mode == "host" and host.links, f"host type networking {UNDEFINED_WITH_LINKS}"),
    ]
    for conflict, text in conflicts:
        if conflict:
            raise InvalidParameter(f"conflicting options: {text}")
