"""The engine's networks and who is on them.

    <run root>/netns/<first 12 digits of the sandbox's ID>    a container's namespace
    <run root>/port-proxy.sock                                the port proxy

The model (addresses, ports) changes at once and on the event loop; the host follows behind. Reads take no lock.
"""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from seaway.base import clock
from seaway.base.errors import EngineError
from seaway.base.ids import new_id
from seaway.base.supervisor import Supervisor
from seaway.discovery.cluster import Cluster
from seaway.discovery.nodes import ip_of
from seaway.model.network import EndpointSettings, NetworkContainer, NetworkCreate
from seaway.networks import links
from seaway.networks.adoption import Adoption
from seaway.networks.builder import SandboxBuilder
from seaway.networks.catalog import NetworkCatalog, forget
from seaway.networks.dns.client import DnsClient
from seaway.networks.endpoint import new_endpoint
from seaway.networks.extensions import NetworkExtensions
from seaway.networks.firewall.elements import Link
from seaway.networks.foreign import Foreign
from seaway.networks.gwbridge import Gateways, needs_gateway
from seaway.networks.hostside import HostSide
from seaway.networks.hotplug import Hotplug
from seaway.networks.joined import Joined as Joined
from seaway.networks.joined import containers_on, owned_names
from seaway.networks.linking import Links
from seaway.networks.live import LiveNetworks
from seaway.networks.naming import Names
from seaway.networks.network import NO_BRIDGE, PREDEFINED, Network, default_bridge, network_to_wire
from seaway.networks.nodenews import NodeNews
from seaway.networks.options import NetworkOptions
from seaway.networks.overlay.driver import Overlay
from seaway.networks.ports import PortAllocator
from seaway.networks.proxy import ProxyClient
from seaway.networks.publisher import Publisher
from seaway.networks.republish import Republisher
from seaway.networks.sandbox import Sandbox, SandboxRequest
from seaway.networks.store import NetworkStore
from seaway.networks.table import Firewall, backend_of
from seaway.networks.usernet import check_removable
from seaway.networks.usernets import UserNetworks

log = logging.getLogger(__name__)


class NetworkController:
    """`restore` (what still runs), then `start`, then the rest. `live` is for containers that run."""

    def __init__(self, options: NetworkOptions, supervisor: Supervisor, cluster: Cluster | None = None) -> None:
        self._options, self._supervisor = options, supervisor
        self._netns = options.run_root / "netns"
        proxy = ProxyClient(options.run_root / "port-proxy.sock", serving=options.userland_proxy)
        self._firewall = Firewall(
            backend_of(
                f"{options.backend} {options.table}", proxied=options.userland_proxy, accept_mark=options.accept_mark
            ),
            ipv6=options.firewall6,
            enabled=options.firewall,
            proxied=options.userland_proxy,
            record=options.run_root / "firewall",
        )
        now = clock.now()
        predefined = [
            *([default_bridge(new_id(), now, options.bridge)] if options.bridge.name != NO_BRIDGE else []),
            Network(new_id(), "host", "host", now),
            Network(new_id(), "none", "null", now),
        ]
        store = NetworkStore(options.database) if options.database else None
        self._catalog = NetworkCatalog([*predefined, *(store.all() if store else ())])
        self._publisher = Publisher(
            self._firewall,
            PortAllocator(options.ephemeral),
            proxy,
            direct=options.direct_routing,
            trusting=self._catalog.is_trusting,
        )
        extensions = NetworkExtensions()
        foreign = Foreign(extensions)
        self._user_networks = UserNetworks(self._catalog, self._firewall, store, options.networks, foreign)
        self._builder = SandboxBuilder(self._netns, self._catalog, self._publisher, foreign, options.ephemeral)
        self._joined: dict[str, Joined] = {}
        self._host = HostSide(self._joined, proxied=options.userland_proxy)
        hotplug = Hotplug(self._catalog, self._publisher, foreign)
        self._gateways = Gateways(self._catalog, self._user_networks, hotplug)
        self._names = Names(self._catalog, DnsClient(options.run_root / "dns.sock"))
        self.cluster = cluster or Cluster(new_id(), supervisor)
        nodes = self.cluster.nodes
        self._node_news = NodeNews(extensions.in_use, nodes.addresses, lambda: ip_of(nodes.own))
        nodes.listen(self._node_news.wake)
        self._overlay = Overlay(self.cluster, self._catalog, self._names, self._firewall, store)
        self._adoption = Adoption(self._catalog, self._overlay, self._publisher, self._names)
        self._links = Links(self._firewall)
        self.live = LiveNetworks(
            self._joined,
            supervisor,
            self._catalog,
            self._host,
            hotplug,
            self._gateways,
            Republisher(self._catalog, self._publisher, options.ephemeral),
            self._names,
            self._overlay,
            self._links,
        )
        self._leaving: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Bring the host to the model's state; what an earlier engine left beside it goes."""
        self._netns.mkdir(mode=0o755, parents=True, exist_ok=True)
        if self._options.ip_forward and await links.enable_forwarding():
            log.info("enabled IPv4 forwarding (net.ipv4.ip_forward)")
        for network in self.networks():
            await self._host.build(network)
        bridges = self._catalog.bridges()
        for failed in await self._publisher.install(bridges):
            log.error("a published port of a running container is lost: %s", failed)
        self._supervisor.spawn(self._firewall.watch(), "firewall watch", service=True)
        self._supervisor.spawn(self._firewall.follow_firewalld(), "firewalld", service=True)
        self._supervisor.spawn(self._node_news.follow(), "nodes for network drivers", service=True)
        self._names.start(self._supervisor)
        await self._overlay.start(self._supervisor)
        await links.sweep(self._netns, [b.name for b in bridges], owned_names(self._joined.values()))

    async def close(self) -> None:
        """The containers keep their networks and their ports."""
        if self._leaving:
            await asyncio.wait(self._leaving.values())
        self._names.close()
        await self._publisher.close()

    @property
    def firewall_backend(self) -> str:
        """As `docker info` shows it."""
        return self._options.backend

    def networks(self) -> list[Network]:
        return self._catalog.all()

    def find(self, name: str) -> Network:
        return self._catalog.find(name)

    def sandbox(self, container_id: str) -> Sandbox | None:
        joined = self._joined.get(container_id)
        return joined.sandbox if joined else None

    def inspect(self, name: str) -> dict[str, Any]:
        network = self.find(name)
        return network_to_wire(network, self.containers_on(network) | self._overlay.remote_containers(network))

    def summary(self, network: Network) -> dict[str, Any]:
        """As a list shows it: without its containers."""
        return network_to_wire(network, {})

    def containers_on(self, network: Network) -> dict[str, NetworkContainer]:
        return containers_on(network.name, self._joined)

    async def create(self, request: NetworkCreate) -> Network:
        if request.driver == "overlay" and self.cluster.advertise:
            return await self._overlay.create(request, self._options.networks)
        network = await self._user_networks.create(request)
        self._node_news.wake()
        return network

    async def remove(self, name: str) -> None:
        network = self.find(name)
        check_removable(network, self._joined, self.networks())
        if (network.is_foreign or network.pool_id) and self._leaving:
            await asyncio.wait(self._leaving.values())  # the driver hears of the endpoints' ends first
        await (self._overlay.remove(network) if network.overlay else self._user_networks.remove(network))

    def restore(self, containers: Mapping[str, Joined]) -> None:
        """The containers, by ID, that still run with the sandboxes that an earlier engine gave them."""
        for container_id, joined in containers.items():
            self._joined[container_id] = joined
            try:
                self._joined[container_id] = self._adoption.adopt(container_id, joined)
            except EngineError as failed:
                log.error("the network of running container %s is not as recorded: %s", joined.name, failed)

    async def wait_for_cluster(self, network_ids: Iterable[str], timeout_s: float) -> None:
        """At the engine's start: until the cluster's networks are to be had, for those who are on one, or on one that
        this engine does not know. Whoever is not served in time hears why from what he does next."""
        own = {n.id for n in self.networks() if not n.overlay}
        if set(network_ids) - own - {""}:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self.cluster.connected()

    async def connect_sandbox(self, container_id: str, request: SandboxRequest) -> Sandbox:
        """Build the container's namespace and put it on its networks, or raise and leave nothing.

        Raises NoSuchNetwork, PoolExhausted, AddressInUse, ExternalConnectivityFailed.
        """
        if left := self._leaving.get(container_id):
            await asyncio.wait([left])
        networks = self._wished_networks(request)
        if any(n.driver == "host" for n, _ in networks):
            endpoints = {n.name: new_endpoint(n, w) for n, w in networks}
            return self._keep(container_id, request, Sandbox(new_id(), None, endpoints))
        for network, _ in networks:
            await self._host.mend(network)
        gateway = await self._gateways.network() if needs_gateway(n for n, _ in networks) else None
        async with AsyncExitStack() as undo:
            claimed = {n.id: await self._overlay.claim(n, container_id, w, undo) for n, w in networks if n.overlay}
            sandbox, sockets = await self._builder.build(request, networks, undo, claimed, gateway)
            await self._overlay.announce(request.name, sandbox)
            undo.pop_all()
        self._node_news.wake()  # a driver may be in use for the first time
        self._names.begin(sandbox, sockets)
        return self._keep(container_id, request, sandbox)

    def disconnect(self, container_id: str) -> "asyncio.Task[None]":
        """Names, addresses and ports are free when this returns; the task ends when the host has forgotten them."""
        joined = self._joined.pop(container_id, None)
        if joined is None and (left := self._leaving.get(container_id)):
            return left
        addresses = {e.ip_address for e in joined.sandbox.endpoints.values()} if joined else set()
        unlinked = self._links.forget(container_id, addresses - {""})
        work = self._tear_down(joined.sandbox if joined else None, unlinked)
        task = self._supervisor.spawn(work, f"network teardown of {container_id[:12]}")
        self._leaving[container_id] = task
        task.add_done_callback(partial(forget, self._leaving, container_id))
        if joined:
            self._names.end(joined.sandbox)
            self._publisher.free(joined.sandbox.published)
            for endpoint in joined.sandbox.attachments.values():
                self._catalog.vacate(endpoint, task)
        return task

    async def _tear_down(self, sandbox: Sandbox | None, unlinked: Sequence[Link]) -> None:
        """The other engines may have an address when nobody answers for it here."""
        try:
            await self._links.close(unlinked)
            await self._builder.tear_down(sandbox)
        finally:
            if sandbox:
                await self._overlay.leave(sandbox)

    def _wished_networks(self, request: SandboxRequest) -> list[tuple[Network, EndpointSettings]]:
        """A user's network is known by its ID from the first start on: another one of its name is not taken for it."""
        wishes = request.endpoints or {self.find(request.network_mode).name: None}
        found = []
        for name, wish in wishes.items():
            if name == "bridge" and not self._catalog.has_default_bridge:
                continue  # `--bridge none`: whoever asks for it has no network
            by_id = wish.network_id if wish and name not in PREDEFINED else ""
            found.append((self.find(by_id or name), wish or EndpointSettings()))
        return found

    def _keep(self, container_id: str, request: SandboxRequest, sandbox: Sandbox) -> Sandbox:
        self._joined[container_id] = Joined(request.name, sandbox)
        return sandbox
