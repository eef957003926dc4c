"""A container's network: joined at its start, left at its end, with /etc/hosts, resolv.conf and hostname beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from seaway.base.errors import Conflict, NotFound
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.kernel import files, worker
from seaway.networks.controller import NetworkController
from seaway.networks.files import (
    hostname_content,
    hosts_content,
    parse_extra_hosts,
    parse_resolv_conf,
    plan_resolver,
    resolv_conf_content,
)
from seaway.networks.sandbox import Sandbox, SandboxRequest

HOST_RESOLV_CONF = Path("/etc/resolv.conf")


@dataclass(frozen=True, slots=True)
class Joined:
    """`netns_path` is None in the host's namespace."""

    netns_path: str | None
    endpoints: dict[str, Any]
    sandbox: dict[str, Any]


class ContainerNetworks:
    def __init__(self, controller: NetworkController, containers: ContainerStore) -> None:
        self._controller, self._containers = controller, containers

    async def join(self, container: Container) -> Joined:
        mode = "none" if container.config.network_disabled is True else container.host_config.network_mode
        if mode.startswith("container:"):
            return await self._join_another(container, mode.removeprefix("container:"))
        sandbox = await self._controller.connect_sandbox(container.id, sandbox_request(container))
        await self._write_files(container, [e.ip_address for e in sandbox.endpoints.values()])
        failpoint("start: joined")
        return _joined(sandbox)

    async def leave(self, container_id: str) -> None:
        """Names, addresses and ports are free when this returns; the host forgets them behind."""
        self._controller.disconnect(container_id)

    async def _join_another(self, container: Container, name: str) -> Joined:
        """No network of its own: the other container's namespace and its files."""
        try:
            other = self._containers.find(name)
        except NotFound as missing:
            raise NotFound(f"No such container: {name}") from missing
        sandbox = self._controller.sandbox(other.id)
        if sandbox is None or not other.task.is_running:
            raise Conflict(f"cannot join network of a non running container: {other.id}")
        addresses = [e.ip_address for e in sandbox.endpoints.values()]
        await self._write_files(msgspec.structs.replace(container, config=other.config), addresses)
        return Joined(str(sandbox.netns_path) if sandbox.netns_path else None, {}, {})

    async def _write_files(self, container: Container, addresses: list[str]) -> None:
        directory = self._containers.directory(container.id)
        gateway = next((str(n.pool.gateway) for n in self._controller.networks() if n.pool), "")
        await worker.run_blocking(write_container_files, directory, container, addresses, gateway)


def sandbox_request(container: Container) -> SandboxRequest:
    host_config, exposed = container.host_config, container.config.exposed_ports
    return SandboxRequest(
        name=container.name,
        network_mode="none" if container.config.network_disabled is True else host_config.network_mode,
        port_bindings=host_config.port_bindings or {},
        exposed_ports=tuple(exposed) if isinstance(exposed, dict) else (),
        publish_all=host_config.publish_all_ports,
        mac_address=container.config.mac_address or "",
    )


def write_container_files(directory: Path, container: Container, addresses: list[str], gateway: str) -> None:
    for name, content in container_files(container, addresses, gateway, _host_resolver()).items():
        files.replace_file_lazily(directory / name, content.encode(), 0o644)


def container_files(
    container: Container, addresses: list[str], gateway: str, host_resolv_conf: str
) -> Mapping[str, str]:
    """Pure: what /etc/hosts, resolv.conf and hostname of the container say."""
    host_config, config = container.host_config, container.config
    extra = parse_extra_hosts(host_config.extra_hosts or (), gateway)
    resolver = plan_resolver(
        parse_resolv_conf(host_resolv_conf), host_config.dns, host_config.dns_search, host_config.dns_options
    )
    return {
        "hosts": hosts_content(addresses, config.hostname, config.domainname, extra),
        "resolv.conf": resolv_conf_content(resolver),
        "hostname": hostname_content(config.hostname),
    }


def _host_resolver() -> str:
    try:
        return HOST_RESOLV_CONF.read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _joined(sandbox: Sandbox) -> Joined:
    ports = {
        key: [msgspec.to_builtins(b) for b in bindings] if bindings is not None else None
        for key, bindings in sandbox.ports.items()
    }
    return Joined(
        netns_path=str(sandbox.netns_path) if sandbox.netns_path else None,
        endpoints={name: msgspec.to_builtins(endpoint) for name, endpoint in sandbox.endpoints.items()},
        sandbox={"ID": sandbox.id, "Key": sandbox.key, "Ports": ports},
    )
