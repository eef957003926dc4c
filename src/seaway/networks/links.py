"""The host's devices for networks: bridges and their ports, and the clearing up of both."""

import socket
from collections.abc import Iterable, Sequence
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.kernel import netns, rtnl
from seaway.kernel.netlink import Netlink
from seaway.kernel.worker import run_blocking
from seaway.networks.plan import HOST_LINK_PREFIX, BridgePlan

INTERFACE_SETTINGS = Path("/proc/sys/net/ipv6/conf")
ROUTING = Path("/proc/sys/net/ipv4/conf")
FORWARDING6 = Path("/proc/sys/net/ipv6/conf/all/forwarding")
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class NoSuchDevice(SystemFailure):
    def __init__(self, name: str) -> None:
        super().__init__(f"this host has no network device {name}")


async def build_bridge(plan: BridgePlan) -> None:
    """One that an earlier engine left is kept, with whatever hangs on it."""
    await run_blocking(_build_bridge, plan)


def has_link(name: str) -> bool:
    try:
        return bool(socket.if_nametoindex(name))
    except OSError:
        return False


async def rejoin(bridge: str, host_links: Sequence[str]) -> None:
    """To a bridge that was made anew, those of its ports that are there."""
    ports = [rtnl.join_bridge(name, link_index(bridge)) for name in host_links if has_link(name)]
    await run_blocking(_run, ports)


def address_of(name: str) -> str:
    """The device's first IPv4 address in CIDR notation; "": it has none, or is not there. Blocking."""
    if not has_link(name):
        return ""
    with Netlink() as netlink:
        return next(iter(netlink.addresses(name)), "")


async def device_names(path: Path) -> list[str]:
    return await netns.run_inside(path, lambda: [name for _, name in socket.if_nameindex()])


async def set_gateways(path: Path, gateways: Sequence[str]) -> None:
    if gateways:
        await netns.run_inside(path, lambda: _run(map(rtnl.set_default_route, gateways)))


async def tear_down_sandbox(path: Path, host_links: Iterable[str]) -> None:
    await run_blocking(_delete_links, tuple(host_links))
    await netns.delete(path)


async def sweep(directory: Path, bridges: Iterable[str], keep: frozenset[str]) -> None:
    """Remove the namespaces in `directory` and the ports of `bridges` whose names are not in `keep`."""
    await run_blocking(_sweep_links, tuple(bridges), keep)
    for path in sorted(directory.iterdir()):
        if path.name.removesuffix(netns.USER_SUFFIX) not in keep:
            await netns.delete(path)


async def delete_link(name: str) -> None:
    await run_blocking(_delete_links, (name,))


async def delete_link_inside(path: Path, mac: str, address: str) -> None:
    """The device with that address in the namespace (ipvlan's all have the parent's MAC address); one that is gone is
    no failure."""
    await netns.run_inside(path, lambda: _delete_by_address(mac, address))


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
        elif netlink.kind_of(plan.name) != "bridge":
            raise SystemFailure(f"existing interface {plan.name} is not a bridge")
        if plan.sole_address:
            netlink.drop_addresses(plan.name, but_for=f"{plan.address}/{plan.prefix_length}")
        if plan.address:
            netlink.add_address(plan.name, plan.address, plan.prefix_length, plan.broadcast)
        netlink.set_up(plan.name)
    if plan.address6:
        switch_ipv6(plan.name, on=True)
        FORWARDING6.write_text("1")
        _run([rtnl.add_address(link_index(plan.name), plan.address6, plan.prefix_length6)])
    if plan.route_localnet:
        (ROUTING / plan.name / "route_localnet").write_text("1")


def link_index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as gone:
        raise NoSuchDevice(name) from gone


def _run(requests: Iterable[rtnl.Request]) -> None:
    with rtnl.Rtnl() as netlink:
        netlink.run(requests)


def switch_ipv6(link: str, *, on: bool) -> None:
    """An IPv4 network gives no link-local IPv6 address either."""
    try:
        (INTERFACE_SETTINGS / link / "disable_ipv6").write_text("0" if on else "1")
    except FileNotFoundError:
        pass  # a kernel without IPv6


def _delete_links(names: Sequence[str]) -> None:
    _run(rtnl.delete_link(name) for name in names)


def _delete_by_address(mac: str, address: str) -> None:
    with Netlink() as netlink:
        names = netlink.names_with(address) if address else netlink.names_of(mac)
    _delete_links(names)


def _sweep_links(bridges: Sequence[str], keep: frozenset[str]) -> None:
    with Netlink() as netlink:
        for bridge in bridges:
            for name in netlink.ports_of(bridge):
                if name.startswith(HOST_LINK_PREFIX) and name not in keep:
                    _delete_links([name])
