"""Carries out the plans: bridges, pairs of devices, and what a container's own namespace gets."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from ipaddress import IPv4Network
from pathlib import Path

from seaway.kernel import netns
from seaway.kernel.netlink import LOOPBACK, Netlink
from seaway.kernel.worker import run_blocking
from seaway.networks.plan import HOST_LINK_PREFIX, BridgePlan, EndpointPlan

INTERFACE_SETTINGS = Path("/proc/sys/net/ipv6/conf")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


async def build_bridge(plan: BridgePlan) -> None:
    """One that an earlier engine left is kept, with whatever hangs on it."""
    await run_blocking(_build_bridge, plan)


async def build_sandbox(path: Path, endpoints: Sequence[EndpointPlan]) -> None:
    """A namespace at `path` with a loopback device and the endpoints; the first one's gateway is the way out."""
    await netns.create(path)
    await run_blocking(_add_pairs, path, endpoints)
    await netns.run_inside(path, lambda: _furnish(endpoints))


async def free_number(path: Path) -> int:
    """The lowest N for which the namespace has no `ethN`."""
    names = await netns.run_inside(path, _link_names)
    return next(n for n in range(len(names) + 1) if f"eth{n}" not in names)


async def add_endpoint(path: Path, plan: EndpointPlan, *, default_route: bool) -> None:
    await run_blocking(_add_pairs, path, [plan])
    await netns.run_inside(path, lambda: _furnish([plan if default_route else replace(plan, gateway="")]))


async def set_gateway(path: Path, gateway: str) -> None:
    await netns.run_inside(path, lambda: _set_gateway(gateway))


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


def _add_pairs(path: Path, endpoints: Sequence[EndpointPlan]) -> None:
    with Netlink() as netlink:
        for e in endpoints:
            netlink.add_veth(e.host_link, e.bridge, e.link, e.mac, path, e.mtu)


def _furnish(endpoints: Sequence[EndpointPlan]) -> None:
    with Netlink() as netlink:
        netlink.set_up(LOOPBACK)
        for e in endpoints:
            _disable_ipv6(e.link)
            netlink.add_address(e.link, e.address, e.prefix_length, e.broadcast)
            netlink.set_up(e.link)
        if gateway := next((e.gateway for e in endpoints if e.gateway), None):
            netlink.add_default_route(gateway)


def _link_names() -> list[str]:
    with Netlink() as netlink:
        return netlink.links()


def _set_gateway(gateway: str) -> None:
    with Netlink() as netlink:
        netlink.add_default_route(gateway)


def _disable_ipv6(link: str) -> None:
    """An IPv4 network gives no link-local IPv6 address either."""
    try:
        (INTERFACE_SETTINGS / link / "disable_ipv6").write_text("1")
    except FileNotFoundError:
        pass  # a kernel without IPv6


def _delete_links(names: Sequence[str]) -> None:
    with Netlink() as netlink:
        for name in names:
            netlink.delete(name)


def _sweep_links(bridges: Sequence[str], keep: frozenset[str]) -> None:
    with Netlink() as netlink:
        for bridge in bridges:
            for name in netlink.ports_of(bridge):
                if name.startswith(HOST_LINK_PREFIX) and name not in keep:
                    netlink.delete(name)


def _host_routes() -> list[IPv4Network]:
    with Netlink() as netlink:
        return [IPv4Network(route, strict=False) for route in netlink.routes()]
