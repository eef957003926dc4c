"""Carries out the plans of endpoints: what a container's own namespace gets, and the devices that lead there."""

import os
import socket
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType

from seaway.base.errors import SystemFailure
from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.kernel import netns, rtnl, userns
from seaway.kernel.worker import run_blocking
from seaway.networks import lent
from seaway.networks.links import link_index, switch_ipv6
from seaway.networks.plan import EndpointPlan
from seaway.networks.rates import limit_link

LOOPBACK_INDEX, FIRST_INDEX = 1, 16
NETWORK_SETTINGS = Path("/proc/sys/net")
LINK_LOCAL_PREFIX = 16


async def build_sandbox(
    path: Path, endpoints: Sequence[EndpointPlan], inside: Callable[[], None] | None = None, ids: IdMap = NO_SHIFT
) -> None:
    """A namespace at `path` with a loopback device and the endpoints; then `inside` runs in it.

    With `ids` it belongs to a user namespace of its own."""
    with _HostSide(endpoints) as host:
        furnish = partial(_furnish, endpoints, host, inside)
        if ids:
            await userns.create_pair(path, ids)
            await netns.run_inside(path, furnish)
        else:
            await netns.create(path, furnish)
        await host.finish()


async def add_endpoint(path: Path, plan: EndpointPlan) -> None:
    """One more, in a namespace that others live in."""
    with _HostSide([plan]) as host:
        await netns.run_inside(path, lambda: _furnish([plan], host))
        await host.finish()


class _HostSide:
    """What a thread in a container's namespace needs of the host's: a socket, and the numbers of its devices."""

    def __init__(self, endpoints: Sequence[EndpointPlan]) -> None:
        self._endpoints = endpoints
        self.indices = {
            name: link_index(name) for name in {e.bridge or e.parent for e in endpoints if e.bridge or e.parent}
        }

    def __enter__(self) -> "_HostSide":
        self.netlink = rtnl.Rtnl()
        self.namespace = os.open(f"/proc/{os.getpid()}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self.namespace)
        self.netlink.close()

    def join_bridge(self, plan: EndpointPlan) -> None:
        self.netlink.run([rtnl.join_bridge(plan.host_link, self.indices[plan.bridge])])

    async def finish(self) -> None:
        for e in self._endpoints:
            if e.host_link and e.rates.rx:
                await run_blocking(limit_link, e.host_link, e.rates.rx)
        self.netlink.run([rtnl.set_hairpin(link_index(e.host_link)) for e in self._endpoints if e.hairpin])


def _furnish(endpoints: Sequence[EndpointPlan], host: _HostSide, inside: Callable[[], None] | None = None) -> None:
    """In the container's namespace. A device has a number far from those that the kernel gives by itself."""
    taken = {index for index, _ in socket.if_nameindex()}
    numbers = (n for n in range(FIRST_INDEX, FIRST_INDEX + 1000) if n not in taken)
    with rtnl.Rtnl() as netlink:
        netlink.run([rtnl.set_up(LOOPBACK_INDEX)])
        for e, index in zip(endpoints, numbers, strict=False):
            if not (index := _add_device(netlink, e, index, host)):
                continue
            switch_ipv6(e.link, on=bool(e.address6))
            routes = [rtnl.add_route(destination, hop, index) for destination, hop in e.routes]
            netlink.run([*_addresses(e, index), rtnl.set_up(index), *routes, *_way_out(e, index)])
            for path, value in e.sysctls:
                _set(NETWORK_SETTINGS / path, value)
            if e.rates.tx:
                limit_link(e.link, e.rates.tx)
            if e.bridge:
                host.join_bridge(e)
    if inside:
        inside()


def _way_out(plan: EndpointPlan, index: int) -> list[rtnl.Request]:
    if plan.parent_routes:
        return [rtnl.set_default_device(index, version) for version in sorted(plan.ways_out)]
    gateways = [plan.gateway if version == 4 else plan.gateway6 for version in sorted(plan.ways_out)]
    return [rtnl.set_default_route(gateway) for gateway in gateways if gateway]


def _addresses(plan: EndpointPlan, index: int) -> list[rtnl.Request]:
    own = [rtnl.add_address(index, plan.address, plan.prefix_length, plan.broadcast)] if plan.address else []
    own += [rtnl.add_address(index, plan.address6, plan.prefix_length6)] if plan.address6 else []
    return [*own, *(rtnl.add_address(index, a, LINK_LOCAL_PREFIX) for a in plan.more_addresses)]


def _set(path: Path, value: str) -> None:
    try:
        path.write_text(value)
    except OSError as failed:
        raise SystemFailure(f"failed to set sysctl {path}={value}: {failed.strerror}") from failed


def _add_device(netlink: rtnl.Rtnl, plan: EndpointPlan, index: int, host: _HostSide) -> int:
    """Its number: `index`, but for one that was made before. 0: the network has no device to give."""
    if not (plan.bridge or plan.parent):
        return lent.take_in(netlink, plan, host.netlink) if plan.source else 0
    if plan.bridge:
        netlink.run([rtnl.add_veth(plan.link, index, plan.mac, plan.mtu, plan.host_link, host.namespace)])
        return index
    return _add_to_parent(netlink, plan, host)


def _add_to_parent(netlink: rtnl.Rtnl, plan: EndpointPlan, host: _HostSide) -> int:
    """The host's namespace, where the parent is, must not have the new device's name or number: it has a passing name,
    and the kernel's choice of a number."""
    passing, parent = f"sw-{os.urandom(5).hex()}", host.indices[plan.parent]
    with open("/proc/thread-self/ns/net", "rb", buffering=0) as here:
        if plan.kind == "ipvlan":
            request = rtnl.add_ipvlan(passing, parent, plan.mode, plan.flag, here.fileno())
        else:
            request = rtnl.add_macvlan(passing, parent, plan.mode, plan.mac, here.fileno())
        host.netlink.run([request])
    index = link_index(passing)
    netlink.run([rtnl.rename_link(index, plan.link)])
    return index
