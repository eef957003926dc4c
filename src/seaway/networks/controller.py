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
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Any

import msgspec

from seaway.base import clock
from seaway.base.errors import EngineError, with_prefix
from seaway.base.ids import new_id
from seaway.base.supervisor import Supervisor
from seaway.discovery.cluster import Cluster
from seaway.discovery.nodes import ip_of
from seaway.model.network import EndpointSettings, NetworkContainer, NetworkCreate, PortBinding
from seaway.networks import links, rates
from seaway.networks.builder import SandboxBuilder
from seaway.networks.catalog import NetworkCatalog, forget
from seaway.networks.dns.client import DnsClient
from seaway.networks.endpoint import endpoint_on, new_endpoint
from seaway.networks.extensions import NetworkExtensions
from seaway.networks.files import ExternalServer
from seaway.networks.firewall.elements import Link
from seaway.networks.foreign import Foreign
from seaway.networks.gwbridge import Gateways, needs_gateway
from seaway.networks.hotplug import Hotplug, check_attachable, check_detachable
from seaway.networks.joined import Joined as Joined
from seaway.networks.joined import containers_on, owned_names
from seaway.networks.linking import Links
from seaway.networks.naming import Names
from seaway.networks.network import NO_BRIDGE, PREDEFINED, Network, default_bridge, network_to_wire
from seaway.networks.nodenews import NodeNews
from seaway.networks.options import NetworkOptions
from seaway.networks.overlay.driver import Overlay
from seaway.networks.parents import make_parent
from seaway.networks.plan import host_link, plan_bridge
from seaway.networks.ports import PortAllocator
from seaway.networks.proxy import ProxyClient
from seaway.networks.publisher import Publisher
from seaway.networks.republish import Republisher
from seaway.networks.sandbox import GWBRIDGE, Sandbox, SandboxRequest
from seaway.networks.store import NetworkStore
from seaway.networks.table import Firewall, backend_of
from seaway.networks.usernet import check_removable
from seaway.networks.usernets import UserNetworks

log = logging.getLogger(__name__)


class NetworkController:
    """`restore` (what still runs), then `start`, then the rest."""

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
        self._republisher = Republisher(self._catalog, self._publisher, options.ephemeral)
        self._hotplug = Hotplug(self._catalog, self._publisher, foreign)
        self._gateways = Gateways(self._catalog, self._user_networks, self._hotplug)
        self._names = Names(self._catalog, DnsClient(options.run_root / "dns.sock"))
        self.cluster = cluster or Cluster(new_id(), supervisor)
        nodes = self.cluster.nodes
        self._node_news = NodeNews(extensions.in_use, nodes.addresses, lambda: ip_of(nodes.own))
        nodes.listen(self._node_news.wake)
        self._overlay = Overlay(self.cluster, self._catalog, self._names, self._firewall, store)
        self._joined: dict[str, Joined] = {}
        self._links = Links(self._firewall)
        self._leaving: dict[str, asyncio.Task[None]] = {}

    async def start(self) -> None:
        """Bring the host to the model's state; what an earlier engine left beside it goes."""
        self._netns.mkdir(mode=0o755, parents=True, exist_ok=True)
        if self._options.ip_forward and await links.enable_forwarding():
            log.info("enabled IPv4 forwarding (net.ipv4.ip_forward)")
        for network in self.networks():
            await self._build(network)
        bridges = self._catalog.bridges()
        for failed in await self._publisher.install(bridges):
            log.error("a published port of a running container is lost: %s", failed)
        self._supervisor.spawn(self._firewall.watch(), "firewall watch", service=True)
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
                self._joined[container_id] = self._restored(container_id, joined)
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
            await self._mend(network)
        gateway = await self._gateways.network() if needs_gateway(n for n, _ in networks) else None
        async with AsyncExitStack() as undo:
            claimed = {n.id: await self._overlay.claim(n, container_id, w, undo) for n, w in networks if n.overlay}
            sandbox, sockets = await self._builder.build(request, networks, undo, claimed, gateway)
            await self._overlay.announce(request.name, sandbox)
            undo.pop_all()
        self._node_news.wake()  # a driver may be in use for the first time
        self._names.begin(sandbox, sockets)
        return self._keep(container_id, request, sandbox)

    async def attach(self, container_id: str, network: str, wish: EndpointSettings | None = None) -> Sandbox:
        """Connect a running container to one more network."""
        joined, other, wish = self._joined[container_id], self.find(network), wish or EndpointSettings()
        check_attachable(joined, other)
        await self._mend(other)
        async with AsyncExitStack() as undo:
            claimed = await self._overlay.claim(other, container_id, wish, undo) if other.overlay else None
            after = Joined(joined.name, await self._hotplug.attach(joined, other, wish, claimed))
            undo.pop_all()
        after = await self._gateways.settle(after, self._networks_of(after))
        return await self._changed(container_id, after)

    async def detach(self, container_id: str, network: str) -> Sandbox:
        """Disconnect a running container from one of its networks."""
        joined, other = self._joined[container_id], self.find(network)
        endpoint = check_detachable(joined, other)
        ready = await self._gateways.settle(joined, [n for n in self._networks_of(joined) if n.id != other.id])
        after = Joined(joined.name, await self._hotplug.detach(ready, other))
        if other.overlay:
            await self._overlay.release(other, endpoint.ip_address)
        return await self._changed(container_id, after)

    async def republish(
        self, container_id: str, bindings: Mapping[str, Sequence[PortBinding] | None], exposed: Iterable[str]
    ) -> Sandbox:
        """Publish ports of a running container, or take them back: what `bindings` names, and nothing else."""
        joined = self._joined[container_id]
        sandbox = await self._republisher.change(joined, bindings, exposed)
        self._joined[container_id] = Joined(joined.name, sandbox)
        return sandbox

    async def open_links(self, container_id: str, calls: Iterable[tuple[str, str, int]]) -> None:
        """(address, protocol, port) of other containers on the default bridge that this one may call, and no others.
        Where all may call all there is nothing to do."""
        joined, bridge = self._joined[container_id], self.find("bridge").bridge
        own = joined.sandbox.endpoints.get("bridge")
        if own and bridge and not bridge.icc:
            await self._links.open(container_id, [Link(own.ip_address, *c, caller=joined.name) for c in calls])

    async def limit(self, container_id: str, network: str, options: Mapping[str, str]) -> Sandbox:
        """The endpoint of a running container has `options` from now on, with the rates that are among them."""
        joined = self._joined[container_id]
        sandbox, endpoint = joined.sandbox, joined.sandbox.endpoints[network]
        if sandbox.netns_path:
            device = host_link(endpoint.endpoint_id) if self.find(endpoint.network_id or network).bridge else ""
            await rates.limit(sandbox.netns_path, endpoint.mac_address, device, rates.parse_rates(options))
        changed = msgspec.structs.replace(endpoint, driver_opts=dict(options))
        sandbox = replace(sandbox, endpoints={**sandbox.endpoints, network: changed})
        self._joined[container_id] = Joined(joined.name, sandbox)
        return sandbox

    async def _changed(self, container_id: str, after: Joined) -> Sandbox:
        await self._names.change(self._joined[container_id].sandbox, after.sandbox)
        self._joined[container_id] = after
        await self._overlay.announce(after.name, after.sandbox)
        return after.sandbox

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

    async def _mend(self, network: Network) -> None:
        """Somebody may have removed the bridge, or the parent: it comes back, with those who are on it."""
        device = network.bridge.name if network.bridge else network.parent.device if network.parent else ""
        if not device or links.has_link(device):
            return
        log.warning("network %s: somebody removed %s: making it again", network.name, device)
        await self._build(network)
        if network.bridge:
            on = [e for one in self._joined.values() if (e := one.sandbox.attachments.get(network.name))]
            await links.rejoin(device, [host_link(e.endpoint_id) for e in on])

    async def _build(self, network: Network) -> None:
        """A user's network that cannot be made again is no reason to have no engine."""
        try:
            if network.parent:
                await make_parent(network.parent)
            if not network.bridge or not network.has_addresses:
                return
            await links.build_bridge(
                plan_bridge(network.bridge, network.pool, network.pool6, proxied=self._firewall.proxied)
            )
        except EngineError as failed:
            if network.name in PREDEFINED:
                raise with_prefix(f'Error creating default "{network.name}" network: ', failed) from failed
            log.error("network %s: %s", network.name, failed)

    def rename(self, container_id: str, name: str, endpoints: Mapping[str, EndpointSettings]) -> None:
        """The container's new names are known at once."""
        if joined := self._joined.get(container_id):
            sandbox = replace(joined.sandbox, endpoints=dict(endpoints))
            self._names.rename(sandbox)
            self._joined[container_id] = Joined(name, sandbox)
            self._supervisor.spawn(self._overlay.announce(name, sandbox), f"new name of {container_id[:12]}")

    async def _tear_down(self, sandbox: Sandbox | None, unlinked: Sequence[Link]) -> None:
        """The other engines may have an address when nobody answers for it here."""
        try:
            await self._links.close(unlinked)
            await self._builder.tear_down(sandbox)
        finally:
            if sandbox:
                await self._overlay.leave(sandbox)

    def _networks_of(self, joined: Joined) -> list[Network]:
        return [self.find(e.network_id) for e in joined.sandbox.endpoints.values()]

    def ask_others(self, container_id: str, servers: Sequence[ExternalServer]) -> None:
        """Whom DNS asks for the container from now on."""
        joined = self._joined.get(container_id)
        if joined and tuple(joined.sandbox.servers) != tuple(servers):
            sandbox = replace(joined.sandbox, servers=tuple(servers))
            self._names.look_again(sandbox)
            self._joined[container_id] = Joined(joined.name, sandbox)

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

    def _restored(self, container_id: str, joined: Joined) -> Joined:
        endpoints = {}
        for name, endpoint in joined.sandbox.attachments.items():
            network = self.find((endpoint.network_id if name not in PREDEFINED else "") or name)
            endpoints[name] = endpoint_on(network, endpoint)
            if network.overlay:
                self._overlay.endpoints.adopt(network, container_id, joined.name, endpoint)
            for pool, address in ((network.pool, endpoint.ip_address), (network.pool6, endpoint.global_ipv6_address)):
                if pool and address:
                    self._catalog.take_address(network.id, ip_address(address), pool.subnet.version)
        gateway = endpoints.pop(GWBRIDGE, None) if joined.sandbox.gateway else None
        sandbox = replace(joined.sandbox, endpoints=endpoints, gateway=gateway)
        self._publisher.adopt(replace(port, container=joined.name) for port in sandbox.published)
        self._names.restore(sandbox)
        return Joined(joined.name, sandbox)

    def _keep(self, container_id: str, request: SandboxRequest, sandbox: Sandbox) -> Sandbox:
        self._joined[container_id] = Joined(request.name, sandbox)
        return sandbox
