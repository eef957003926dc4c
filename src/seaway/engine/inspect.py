"""`GET /containers/{id}/json` (inventory B4). Values in, a JSON value out."""

from typing import Any

import msgspec

from seaway.base import gojson
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.model.container import HostConfig
from seaway.model.links import parse_link

_NETWORK_FIELDS = {
    "EndpointID": "",
    "Gateway": "",
    "GlobalIPv6Address": "",
    "GlobalIPv6PrefixLen": 0,
    "IPAddress": "",
    "IPPrefixLen": 0,
    "IPv6Gateway": "",
    "MacAddress": "",
}

_KEPT_ANSWERS = 512
_PREDEFINED = frozenset({"bridge", "host", "none", "default"})


class Inspections:
    """The answers of late, encoded. One holds as long as the record is the same value and no exec came or went."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: dict[str, tuple[Container, tuple[str, ...], bytes]] = {}

    def encoded(self, container: Container) -> bytes:
        execs = _running_execs(self._engine, container)
        known = self._known.get(container.id)
        if known and known[0] is container and known[1] == execs:
            return known[2]
        answer = gojson.encode(inspect_container(self._engine, container))
        if len(self._known) >= _KEPT_ANSWERS:
            self._known.pop(next(iter(self._known)))
        self._known[container.id] = (container, execs, answer)
        return answer


def inspect_container(engine: Engine, container: Container) -> dict[str, Any]:
    """To be encoded at once: the values are the record's own."""
    directory = f"{engine.containers.directory(container.id)}/" if container.started_before else ""
    return {
        "Id": container.id,
        "Created": container.created,
        "Path": container.path,
        "Args": container.args,
        "State": _state(container),
        "Image": container.image,
        "ResolvConfPath": directory and f"{directory}resolv.conf",
        "HostnamePath": directory and f"{directory}hostname",
        "HostsPath": directory and f"{directory}hosts",
        "LogPath": directory and container.log_path,
        "Name": f"/{container.name}",
        "RestartCount": container.restart_count,
        "Driver": container.driver,
        "Platform": "linux",
        "MountLabel": container.mount_label,
        "ProcessLabel": container.process_label,
        "AppArmorProfile": container.apparmor_profile,
        "ExecIDs": _running_execs(engine, container) or None,
        "HostConfig": wire_host_config(container),
        "GraphDriver": {"Name": container.driver, "Data": engine.layers.graph_data(container.id)},
        "Mounts": wire_mounts(container),
        "Config": container.config,
        "NetworkSettings": network_settings(container),
    }


def _running_execs(engine: Engine, container: Container) -> tuple[str, ...]:
    return tuple(e.id for e in engine.execs.of(container.id) if e.exit_code is None)


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
        **({"Health": container.health} if container.health else {}),
    }


def wire_mounts(container: Container) -> list[dict[str, Any]]:
    return [point.to_wire() for point in container.mount_points.values()]


def wire_ports(container: Container) -> list[dict[str, Any]]:
    """As the list shows them: one entry for each address that it is published on."""
    ports: list[dict[str, Any]] = []
    for spec, bindings in (container.sandbox.get("Ports") or {}).items():
        number, _, protocol = spec.partition("/")
        private, kind = int(number), protocol or "tcp"
        ports += [
            {"IP": b["HostIp"], "PrivatePort": private, **_public(b["HostPort"]), "Type": kind} for b in bindings or []
        ] or [{"PrivatePort": private, "Type": kind}]
    return ports


def _public(host_port: str) -> dict[str, int]:
    """A routed network's ports are none of the host's."""
    return {"PublicPort": int(host_port)} if host_port else {}


def wire_endpoints(container: Container) -> dict[str, Any]:
    return {name: endpoint.to_wire() for name, endpoint in container.endpoints.items()}


def wire_host_config(container: Container) -> HostConfig:
    """Links say whose name they are in: `/db:/app/store`."""
    if not container.host_config.links:
        return container.host_config
    links = [f"/{name}:/{container.name}/{alias}" for name, alias in map(parse_link, container.host_config.links)]
    return msgspec.structs.replace(container.host_config, links=links)


def network_settings(container: Container) -> dict[str, Any]:
    """The fields at the top repeat the default bridge's endpoint, as they always have."""
    attached = wire_endpoints(container)
    bridge = attached.get("bridge") or {}
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
        **{field: bridge.get(field, zero) for field, zero in _NETWORK_FIELDS.items()},
        "Networks": attached,
    }


def has_aliases(container: Container) -> bool:
    return not _PREDEFINED.issuperset(container.endpoints)


def with_legacy_aliases(container: Container, settings: dict[str, Any]) -> dict[str, Any]:
    """Before API 1.45 the aliases on users' networks held the container's short ID and its hostname."""
    added = (container.short_id, container.config.hostname)
    attached = {
        name: {**end, "Aliases": list(dict.fromkeys([*(end.get("Aliases") or ()), *added]))}
        if name not in _PREDEFINED
        else end
        for name, end in settings["Networks"].items()
    }
    return {**settings, "Networks": attached}
