"""`GET /containers/{id}/json` (inventory B4). Values in, a JSON value out."""

from typing import Any

import msgspec

from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine

_NETWORK_FIELDS = [
    "EndpointID",
    "Gateway",
    "GlobalIPv6Address",
    "GlobalIPv6PrefixLen",
    "IPAddress",
    "IPPrefixLen",
    "IPv6Gateway",
    "MacAddress",
]


def inspect_container(engine: Engine, name: str) -> dict[str, Any]:
    container = engine.containers.find(name)
    directory = str(engine.containers.directory(container.id))
    return {
        "Id": container.id,
        "Created": container.created,
        "Path": container.path,
        "Args": container.args,
        "State": _state(container),
        "Image": container.image,
        "ResolvConfPath": f"{directory}/resolv.conf",
        "HostnamePath": f"{directory}/hostname",
        "HostsPath": f"{directory}/hosts",
        "LogPath": container.log_path,
        "Name": "/" + container.name,
        "RestartCount": container.restart_count,
        "Driver": container.driver,
        "Platform": "linux",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": container.apparmor_profile,
        "ExecIDs": [e.id for e in engine.execs.of(container.id) if e.exit_code is None] or None,
        "HostConfig": msgspec.to_builtins(container.host_config),
        "GraphDriver": {"Name": container.driver, "Data": engine.layers.graph_data(container.id)},
        "Mounts": wire_mounts(container),
        "Config": msgspec.to_builtins(container.config),
        "NetworkSettings": network_settings(container),
    }


def _state(container: Container) -> dict[str, Any]:
    task = container.task
    return {
        "Status": task.status.value,
        "Running": task.is_running,
        "Paused": task.status is Status.PAUSED,
        "Restarting": task.status is Status.RESTARTING,
        "OOMKilled": task.oom_killed,
        "Dead": task.status is Status.DEAD,
        "Pid": task.pid,
        "ExitCode": task.exit_code,
        "Error": task.error,
        "StartedAt": task.started_at,
        "FinishedAt": task.finished_at,
    }


def wire_mounts(container: Container) -> list[dict[str, Any]]:
    return [point.to_wire() for point in container.mount_points.values()]


def network_settings(container: Container) -> dict[str, Any]:
    """The fields at the top repeat the default bridge's endpoint, as they always have."""
    endpoints = {name: endpoint.to_wire() for name, endpoint in container.endpoints.items()}
    bridge = endpoints.get("bridge") or {}
    zero: dict[str, Any] = {f: 0 if f.endswith("PrefixLen") else "" for f in _NETWORK_FIELDS}
    return {
        "Bridge": "",
        "SandboxID": container.sandbox.get("ID", ""),
        "SandboxKey": container.sandbox.get("Key", ""),
        "Ports": container.sandbox.get("Ports") or {},
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "SecondaryIPAddresses": None,
        "SecondaryIPv6Addresses": None,
        **{field: bridge.get(field, zero[field]) for field in _NETWORK_FIELDS},
        "Networks": endpoints,
    }
