"""Carries out the plans: bridges, pairs of devices, and what a container's own namespace gets."""

import os
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network
from pathlib import Path
from typing import IO

from seaway.base.errors import SystemFailure
from seaway.kernel import netns, rtnl
from seaway.kernel.netlink import Netlink
from seaway.kernel.worker import run_blocking
from seaway.networks.plan import HOST_LINK_PREFIX, BridgePlan, EndpointPlan

INTERFACE_SETTINGS = Path("/proc/sys/net/ipv6/conf")
LOOPBACK_INDEX, FIRST_INDEX = 1, 16
ROUTING = Path("/proc/sys/net/ipv4/conf")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class BridgeMissing(SystemFailure):
    def __init__(self, endpoints: Iterable[EndpointPlan]) -> None:
        super().__init__(f"no bridge {' or '.join(sorted({e.bridge for e in endpoints}))} on this host")


async def build_bridge(plan: BridgePlan) -> None:
    """One that an earlier engine left is kept, with whatever hangs on it."""
    await run_blocking(_build_bridge, plan)


async def build_sandbox(path: Path, endpoints: Sequence[EndpointPlan]) -> None:
    """A namespace at `path` with a loopback device and the endpoints."""
    await netns.create(path, lambda: _furnish(endpoints))
    await run_blocking(_join_bridges, endpoints)


async def add_endpoint(path: Path, plan: EndpointPlan) -> None:
    """One more, in a namespace that others live in."""
    await netns.run_inside(path, lambda: _furnish([plan]))
    await run_blocking(_join_bridges, [plan])


async def device_names(path: Path) -> list[str]:
    return await netns.run_inside(path, lambda: [name for _, name in socket.if_nameindex()])


async def set_gateway(path: Path, gateway: str) -> None:
    await netns.run_inside(path, lambda: _run([rtnl.set_default_route(gateway)]))


async def tear_down_sandbox(path: Path, host_links: Iterable[str]) -> None:
    await run_blocking(_delete_links, tuple(host_links))
    await netns.delete(path)


async def sweep(directory: Path, bridges: Iterable[str], keep: frozenset[str]) -> None:
    """Remove the namespaces in `directory` and the ports of `bridges` whose names are not in `keep`."""
    await run_blocking(_sweep_links, tuple(bridges), keep)
    for path in sorted(directory.iterdir()):
        if path.name not in keep:
            await netns.delete(path)


async def delete_link(name: str) -> None:
    await run_blocking(_delete_links, (name,))


async def host_routes() -> list[IPv4Network]:
    return await run_blocking(_host_routes)


async def enable_forwarding() -> bool:
    """True if this changed the host."""
    if FORWARDING.read_text().strip() != "0":
        return False
    FORWARDING.write_text("1")
    return True


def _build_bridge(plan: BridgePlan) -> None:
    with Netlink() as netlink:
        if netlink.index_of(plan.name) is None:
            netlink.add_bridge(plan.name, plan.mac, plan.mtu)
        netlink.add_address(plan.name, plan.address, plan.prefix_length, plan.broadcast)
        netlink.set_up(plan.name)
    if plan.route_localnet:
        (ROUTING / plan.name / "route_localnet").write_text("1")


def _furnish(endpoints: Sequence[EndpointPlan]) -> None:
    """In the container's namespace. A device has a number far from those that the kernel gives by itself."""
    taken = {index for index, _ in socket.if_nameindex()}
    numbers = (n for n in range(FIRST_INDEX, FIRST_INDEX + 1000) if n not in taken)
    with rtnl.Rtnl() as netlink, _open_host_namespace() as host:
        netlink.run([rtnl.set_up(LOOPBACK_INDEX)])
        for e, index in zip(endpoints, numbers, strict=False):
            netlink.run([rtnl.add_veth(e.link, index, e.mac, e.mtu, e.host_link, host.fileno())])
            _disable_ipv6(e.link)
            address = rtnl.add_address(index, e.address, e.prefix_length, e.broadcast)
            gateway = [rtnl.set_default_route(e.gateway)] if e.gateway and e.is_way_out else []
            netlink.run([address, rtnl.set_up(index), *gateway])


def _join_bridges(endpoints: Sequence[EndpointPlan]) -> None:
    try:
        _run(rtnl.join_bridge(e.host_link, socket.if_nametoindex(e.bridge)) for e in endpoints)
    except OSError as gone:
        raise BridgeMissing(endpoints) from gone
    _run(rtnl.set_hairpin(socket.if_nametoindex(e.host_link)) for e in endpoints if e.hairpin)


def _run(requests: Iterable[rtnl.Request]) -> None:
    with rtnl.Rtnl() as netlink:
        netlink.run(requests)


def _open_host_namespace() -> IO[bytes]:
    """The engine's own, which is the main thread's: the caller's may be another."""
    return open(f"/proc/{os.getpid()}/ns/net", "rb", buffering=0)


def _disable_ipv6(link: str) -> None:
    """An IPv4 network gives no link-local IPv6 address either."""
    try:
        (INTERFACE_SETTINGS / link / "disable_ipv6").write_text("1")
    except FileNotFoundError:
        pass  # a kernel without IPv6


def _delete_links(names: Sequence[str]) -> None:
    _run(rtnl.delete_link(name) for name in names)


def _sweep_links(bridges: Sequence[str], keep: frozenset[str]) -> None:
    with Netlink() as netlink:
        for bridge in bridges:
            for name in netlink.ports_of(bridge):
                if name.startswith(HOST_LINK_PREFIX) and name not in keep:
                    _delete_links([name])


def _host_routes() -> list[IPv4Network]:
    with Netlink() as netlink:
        return [IPv4Network(route, strict=False) for route in netlink.routes()]
