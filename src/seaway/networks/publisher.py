"""Published ports: held in the allocator, bound by the proxy, translated by the firewall."""

import asyncio
from collections.abc import Iterable, Sequence
from contextlib import AsyncExitStack

from seaway.networks.firewall.ruleset import Bridge, Element, PublishedPort, bridge_elements, port_elements
from seaway.networks.ports import ANY_V6, AllPortsAllocated, PortAllocator, PortAlreadyAllocated, Wish
from seaway.networks.proxy import BindFailed, ProxyClient
from seaway.networks.table import Firewall


class Publisher:
    """`free` gives ports back to the allocator at once; `withdraw` then takes them off the host, and whoever gets
    one of them meanwhile waits for that."""

    def __init__(self, firewall: Firewall, allocator: PortAllocator, proxy: ProxyClient) -> None:
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
        return await self._proxy.adopt(self._published)

    async def publish(self, wishes: Iterable[Wish], container_ip: str, container: str) -> tuple[PublishedPort, ...]:
        """All of them, or none and PortAlreadyAllocated, AllPortsAllocated or BindFailed."""
        ports: list[PublishedPort] = []
        async with AsyncExitStack() as undo:
            for wish in wishes:
                bound = await self._bind_first_free(wish, container_ip, container)
                undo.push_async_callback(self._unbind, bound)
                ports += bound
            self._published.update(ports)
            await self._firewall.change(add=self._elements(ports))
            undo.pop_all()
        return tuple(ports)

    def free(self, ports: Iterable[PublishedPort]) -> None:
        for port in ports:
            self._allocator.release(port.protocol, port.host_ip, port.host_port)
            self._leaving[port] = asyncio.Event()

    async def withdraw(self, ports: Sequence[PublishedPort]) -> None:
        async with AsyncExitStack() as steps:
            for port in ports:
                steps.callback(self._left, port)
                steps.push_async_callback(self._proxy.unbind, port)
            self._published.difference_update(ports)
            await self._firewall.change(delete=self._elements(ports))

    async def move(self, old: Sequence[PublishedPort], new: Sequence[PublishedPort]) -> None:
        """The same ports of the host now lead elsewhere."""
        self._published.difference_update(old)
        self._published.update(new)
        await self._firewall.change(delete=self._elements(old), add=self._elements(new))
        for port in new:
            await self._proxy.bind(port)

    async def close(self) -> None:
        await self._proxy.close()

    async def _bind_first_free(self, wish: Wish, container_ip: str, container: str) -> list[PublishedPort]:
        for number in self._allocator.candidates(wish):
            try:
                self._allocator.take(wish.protocol, wish.host_ips, number)
                self._allocator.used(number)
                return await self._bind(wish, number, container_ip, container)
            except (PortAlreadyAllocated, BindFailed):
                if wish.is_exact:
                    raise
        raise AllPortsAllocated

    async def _bind(self, wish: Wish, number: int, container_ip: str, container: str) -> list[PublishedPort]:
        async with AsyncExitStack() as undo:
            for host_ip in wish.host_ips:
                undo.callback(self._allocator.release, wish.protocol, host_ip, number)
            await self._wait_left(wish.protocol, number)
            bound: list[PublishedPort] = []
            for host_ip in wish.host_ips:
                port = PublishedPort(wish.protocol, host_ip, number, container_ip, wish.container_port, container)
                try:
                    await self._proxy.bind(port)
                except BindFailed as failed:
                    if not (failed.is_without_family and host_ip == ANY_V6 and bound):
                        raise
                    self._allocator.release(wish.protocol, host_ip, number)
                    continue
                undo.push_async_callback(self._proxy.unbind, port)
                bound.append(port)
            undo.pop_all()
        return bound

    async def _unbind(self, ports: Sequence[PublishedPort]) -> None:
        self._published.difference_update(ports)
        for port in ports:
            await self._proxy.unbind(port)
            self._allocator.release(port.protocol, port.host_ip, port.host_port)

    async def _wait_left(self, protocol: str, number: int) -> None:
        for port, left in list(self._leaving.items()):
            if (port.protocol, port.host_port) == (protocol, number):
                await left.wait()

    def _left(self, port: PublishedPort) -> None:
        if left := self._leaving.pop(port, None):
            left.set()

    def _elements(self, ports: Iterable[PublishedPort]) -> list[Element]:
        return port_elements(ports, proxied=self._firewall.proxied)
