"""A container's network: joined at its start, left at its end, with /etc/hosts, resolv.conf and hostname beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from seaway.base.errors import Conflict, EngineError, InvalidParameter, NotFound, with_prefix
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.engine.endpoints import dns_names, is_user_defined
from seaway.engine.links import linked_hosts, linked_ports
from seaway.engine.netfiles import (
    FileDefaults,
    copy_files,
    plan_container_resolv_conf,
    plan_hosts,
    write_files,
    write_in_place,
)
from seaway.engine.settings import Settings
from seaway.kernel import worker
from seaway.model.network import EndpointRecord, EndpointSettings
from seaway.networks.controller import NetworkController
from seaway.networks.files import ExternalServer
from seaway.networks.sandbox import Sandbox, SandboxRequest


@dataclass(frozen=True, slots=True)
class Joined:
    """`netns_path` is None in the host's namespace. `endpoints` and `sandbox` are for the container's record."""

    netns_path: str | None
    endpoints: dict[str, EndpointRecord]
    sandbox: dict[str, Any]


class ContainerNetworks:
    def __init__(
        self, controller: NetworkController, containers: ContainerStore, defaults: FileDefaults, settings: Settings
    ) -> None:
        self.controller, self._containers, self._defaults = controller, containers, defaults
        self._settings = settings

    async def join(self, container: Container) -> Joined:
        """Raises with dockerd's words before the cause's own."""
        mode = "none" if container.config.network_disabled is True else container.host_config.network_mode
        if mode.startswith("container:"):
            return await self._join_another(container, mode.removeprefix("container:"))
        try:
            return await self._join(container)
        except EngineError as failed:
            raise with_prefix("failed to set up container networking: ", failed) from failed

    async def leave(self, container_id: str) -> None:
        """Names, addresses and ports are free when this returns; the host forgets them behind."""
        self.controller.disconnect(container_id)

    def hosts(self, container: Container, endpoints: Mapping[str, EndpointSettings]) -> str:
        """Raises what a link to a container that does not run raises."""
        addresses = [a for e in endpoints.values() for a in (e.ip_address, e.global_ipv6_address) if a]
        links = linked_hosts(container, self._containers) if "bridge" in endpoints else ()
        return plan_hosts(container, addresses, self._host_gateways(), links, in_host="host" in endpoints)

    def renamed(self, container: Container) -> dict[str, EndpointRecord]:
        """The endpoints with the container's new names, which DNS knows from now on."""
        endpoints = {
            name: msgspec.structs.replace(e, dns_names=_wish(container, name, e).dns_names)
            for name, e in container.endpoints.items()
        }
        self.controller.live.rename(container.id, container.name, endpoints)
        return endpoints

    async def rewrite_files(self, container: Container) -> None:
        """Of a running container whose networks or links have changed."""
        hosts = self.hosts(container, container.endpoints)
        resolv_conf = plan_container_resolv_conf(container, self._defaults, _resolver_kind(container.endpoints))
        directory = self._containers.directory(container.id)
        await self._write_files(directory, container, hosts, resolv_conf.content)
        await self.open_links(container)

    async def open_links(self, container: Container) -> None:
        """The exposed ports of those that a running container is linked to on the default bridge."""
        sandbox = self.controller.sandbox(container.id)
        if container.host_config.links and sandbox and "bridge" in sandbox.endpoints:
            await self.controller.live.open_links(container.id, linked_ports(container, self._containers))

    @property
    def host_resolv_conf(self) -> Path:
        return self._defaults.host_resolv_conf

    def ask_servers_of_today(self, container: Container) -> None:
        """DNS asks whom the host's resolv.conf names now."""
        self.controller.live.ask_others(container.id, self._servers(container))

    def update_resolv_conf(self, container: Container, host_before: str) -> None:
        """The running container's file, if it is what the engine made of the host's as it was."""
        kind, path = _resolver_kind(container.endpoints), self._containers.directory(container.id) / "resolv.conf"
        old, new = (plan_container_resolv_conf(container, self._defaults, kind, t) for t in (host_before, None))
        if new != old and path.read_text() == old.content:
            write_in_place(path, new.content)

    async def _write_files(self, directory: Path, container: Container, hosts: str, resolv_conf: str) -> None:
        await worker.run_blocking(write_files, directory, container, hosts, resolv_conf, self._settings.ids.root)

    async def _join(self, container: Container) -> Joined:
        resolv_conf = plan_container_resolv_conf(container, self._defaults, _resolver_kind(container.endpoints))
        ids = self._settings.ids_of(container.host_config)
        request = replace(sandbox_request(container), external_servers=self._servers(container), ids=ids)
        sandbox = await self.controller.connect_sandbox(container.id, request)
        try:
            directory = self._containers.directory(container.id)
            hosts = self.hosts(container, sandbox.endpoints)
            await self._write_files(directory, container, hosts, resolv_conf.content)
            await self.open_links(container)
        except BaseException:
            self.controller.disconnect(container.id)
            raise
        failpoint("start: joined")
        return recorded(container, sandbox)

    async def _join_another(self, container: Container, name: str) -> Joined:
        """No network of its own: the other container's namespace and its files."""
        try:
            other = self._containers.find(name)
        except NotFound as missing:
            raise NotFound(f"No such container: {name}") from missing
        if other.id == container.id:
            raise InvalidParameter("cannot join own network")
        sandbox = self.controller.sandbox(other.id)
        if sandbox is None or not other.task.is_running:
            raise Conflict(f"cannot join network of a non running container: {other.id}")
        directories = self._containers.directory(other.id), self._containers.directory(container.id)
        await worker.run_blocking(copy_files, *directories)
        return Joined(str(sandbox.netns_path) if sandbox.netns_path else None, {}, {})

    def _servers(self, container: Container) -> tuple[ExternalServer, ...]:
        """Whom DNS asks for the container, now or once it has a network with names."""
        return plan_container_resolv_conf(container, self._defaults, "internal").external

    def _host_gateways(self) -> tuple[str, ...]:
        own = (str(n.pool.gateway) for n in self.controller.networks() if n.name == "bridge" and n.pool)
        return self._defaults.host_gateways or tuple(own)


def sandbox_request(container: Container) -> SandboxRequest:
    host_config, config = container.host_config, container.config
    exposed = config.exposed_ports if isinstance(config.exposed_ports, dict) else {}
    none = config.network_disabled is True
    return SandboxRequest(
        name=container.name,
        network_mode="none" if none else host_config.network_mode,
        endpoints={name: _wish(container, name, e) for name, e in container.endpoints.items()},
        port_bindings=host_config.port_bindings or {},
        exposed_ports=tuple(exposed),
        publish_all=host_config.publish_all_ports,
        mac_address="" if container.endpoints else config.mac_address or "",
    )


def _wish(container: Container, network: str, endpoint: EndpointRecord) -> EndpointSettings:
    """The record's, with the names that the container has today."""
    wish = endpoint.wish()
    if not is_user_defined(network):
        return msgspec.structs.replace(wish, network_id="")
    names = dns_names(container.id, container.name, container.config.hostname, wish.aliases or ())
    return msgspec.structs.replace(wish, dns_names=names)


def _resolver_kind(endpoints: Mapping[str, EndpointSettings]) -> str:
    if "host" in endpoints:
        return "host"
    return "internal" if any(is_user_defined(name) for name in endpoints) else "legacy"


def recorded(container: Container, sandbox: Sandbox) -> Joined:
    """What the container's record keeps of a sandbox."""
    ports = {
        key: [msgspec.to_builtins(b) for b in bindings] if bindings is not None else None
        for key, bindings in sandbox.ports.items()
    }
    before = container.endpoints
    return Joined(
        netns_path=str(sandbox.netns_path) if sandbox.netns_path else None,
        endpoints={n: before.get(n, EndpointRecord()).with_outcome(e) for n, e in sandbox.endpoints.items()},
        sandbox={
            "ID": sandbox.id,
            "Key": sandbox.key,
            "Ports": ports,
            "Servers": [[s.address, s.in_host] for s in sandbox.servers],
            "Gateway": msgspec.to_builtins(sandbox.gateway),
        },
    )
