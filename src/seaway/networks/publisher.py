"""Published ports: held in the allocator, bound by the proxy, translated by the firewall."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack

from seaway.base.failpoints import failpoint
from seaway.kernel import conntrack
from seaway.kernel.worker import run_blocking
from seaway.networks.firewall.elements import Bridge, Element, PublishedPort, bridge_elements, port_elements
from seaway.networks.ports import ANY_V6, AllPortsAllocated, PortAllocator, PortAlreadyAllocated, Wish
from seaway.networks.proxy import BindFailed, ProxyClient
from seaway.networks.table import Firewall

Target = Callable[[str], str]
"""The container's address for a bind on one of the host's."""


class Publisher:
    """`free` gives ports back to the allocator at once; `withdraw` then takes them off the host, and whoever gets
    one of them meanwhile waits for that."""

    def __init__(
        self,
        firewall: Firewall,
        allocator: PortAllocator,
        proxy: ProxyClient,
        *,
        direct: bool = False,
        trusting: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._direct, self._trusting = direct, trusting
        self._firewall, self._allocator, self._proxy = firewall, allocator, proxy
        self._published: set[PublishedPort] = set()
        self._leaving: dict[PublishedPort, asyncio.Event] = {}

    @property
    def proxied(self) -> bool:
        return self._firewall.proxied

    def adopt(self, ports: Iterable[PublishedPort]) -> None:
        """Ports of containers that an earlier engine started; `install` makes them real."""
        for port in ports:
            self._allocator.take(port.protocol, [port.host_ip], port.host_port)
            self._published.add(port)

    async def install(self, bridges: Sequence[Bridge]) -> list[BindFailed]:
        """Replace the firewall's table, and let the proxy hold what is published and nothing else."""
        await self._firewall.install([*bridge_elements(bridges), *self._elements(self._published)])
        return await self._proxy.adopt(p for p in self._published if not p.is_routed)

    async def publish(
        self, wishes: Iterable[Wish], target: Target, container: str, already: Sequence[PublishedPort] = ()
    ) -> tuple[PublishedPort, ...]:
        """All of them, or none and PortAlreadyAllocated, AllPortsAllocated or BindFailed. `already`: what the container
        publishes without them."""
        wanted = list(wishes)
        async with AsyncExitStack() as undo:
            # Exact ports first, lest another binding get what one of them asks for by number.
            ports = await self._bind([(w, w.first) for w in wanted if w.is_exact], target, container)
            undo.push_async_callback(self._unbind, ports)
            for wish in (w for w in wanted if not w.is_exact):
                bound = await self._bind_first_free(wish, target, container)
                undo.push_async_callback(self._unbind, bound)
                ports += bound
            failpoint("publish: ports bound")
            self._published.update(ports)
            await self._translate(already, [*already, *ports])
            failpoint("publish: ports translated")
            await _end_flows(ports)
            undo.pop_all()
        return tuple(ports)

    def free(self, ports: Iterable[PublishedPort]) -> None:
        for port in ports:
            self._allocator.release(port.protocol, port.host_ip, port.host_port)
            self._leaving[port] = asyncio.Event()

    async def withdraw(self, ports: Sequence[PublishedPort], rest: Sequence[PublishedPort] = ()) -> None:
        """`rest`: what the container still publishes."""
        async with AsyncExitStack() as steps:
            for port in ports:
                steps.callback(self._left, port)
            steps.push_async_callback(self._proxy.unbind_all, ports)
            self._published.difference_update(ports)
            await self._translate([*ports, *rest], rest)
            await _end_flows(ports)

    async def move(self, old: Sequence[PublishedPort], new: Sequence[PublishedPort]) -> None:
        """The same ports of the host now lead elsewhere."""
        self._published.difference_update(old)
        self._published.update(new)
        await self._translate(old, new)
        await _end_flows(new)
        await self._proxy.bind_all(p for p in new if not p.is_routed)

    async def close(self) -> None:
        await self._proxy.close()

    async def _bind_first_free(self, wish: Wish, target: Target, container: str) -> list[PublishedPort]:
        for number in self._allocator.candidates(wish):
            try:
                return await self._bind([(wish, number)], target, container)
            except (PortAlreadyAllocated, BindFailed):
                continue
        raise AllPortsAllocated

    async def _bind(self, wanted: Sequence[tuple[Wish, int]], target: Target, container: str) -> list[PublishedPort]:
        """Each wish on its number; all of them, or none."""
        ports = [
            PublishedPort(wish.protocol, host_ip, number, target(host_ip), wish.container_port, container)
            for wish, number in wanted
            for host_ip in wish.host_ips
            if number or (":" in target(host_ip)) == (":" in host_ip)
        ]
        async with AsyncExitStack() as undo:
            for wish, number in wanted:
                self._allocator.take(wish.protocol, wish.host_ips, number)
                self._allocator.used(number)
                for host_ip in wish.host_ips:
                    undo.callback(self._allocator.release, wish.protocol, host_ip, number)
            await self._wait_left({(port.protocol, port.host_port) for port in ports})
            undo.push_async_callback(self._proxy.unbind_all, ports)
            failures = await self._proxy.bind_all(p for p in ports if not p.is_routed)
            without_v6 = [f.port for f in failures if f.is_without_family and f.port.host_ip == ANY_V6]
            if serious := [f for f in failures if f.port not in without_v6 or len(ports) == 1]:
                raise serious[0]
            for port in without_v6:
                self._allocator.release(port.protocol, port.host_ip, port.host_port)
            undo.pop_all()
        return [port for port in ports if port not in without_v6]

    async def _unbind(self, ports: Sequence[PublishedPort]) -> None:
        self._published.difference_update(ports)
        await self._proxy.unbind_all(ports)
        for port in ports:
            self._allocator.release(port.protocol, port.host_ip, port.host_port)

    async def _wait_left(self, wanted: set[tuple[str, int]]) -> None:
        for port, left in list(self._leaving.items()):
            if (port.protocol, port.host_port) in wanted:
                await left.wait()

    def _left(self, port: PublishedPort) -> None:
        if left := self._leaving.pop(port, None):
            left.set()

    async def _translate(self, old: Iterable[PublishedPort], new: Iterable[PublishedPort]) -> None:
        """One container's ports. Only what differs is changed: neighbours may be one element together."""
        before, after = self._elements(old, trusting=_any), self._elements(new)
        kept = set(before) & set(after)
        await self._firewall.change(
            delete=[e for e in before if e not in kept], add=[e for e in after if e not in kept]
        )

    def _elements(
        self, ports: Iterable[PublishedPort], *, trusting: Callable[[str], bool] | None = None
    ) -> list[Element]:
        trusts = trusting or self._trusting
        return port_elements(ports, proxied=self._firewall.proxied, direct=self._direct, trusting=trusts)


def _any(_address: str) -> bool:
    """The network may be gone already; what the firewall does not have it need not lose."""
    return True


async def _end_flows(ports: Iterable[PublishedPort]) -> None:
    """A client that talks on must not be led to where the port led before."""
    if numbers := [port.host_port for port in ports if port.protocol == "udp"]:
        await run_blocking(conntrack.forget_udp, numbers)
