"""Carries out the plans: bridges, pairs of devices, and what a container's own namespace gets."""

import os
import socket
import sys
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from ipaddress import IPv4Network
from pathlib import Path
from types import TracebackType

from seaway.base.errors import SystemFailure
from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.kernel import netns, rtnl, userns
from seaway.kernel.netlink import Netlink
from seaway.kernel.worker import run_blocking
from seaway.networks import lent
from seaway.networks.plan import HOST_LINK_PREFIX, BridgePlan, EndpointPlan
from seaway.networks.rates import limit_link

INTERFACE_SETTINGS = Path("/proc/sys/net/ipv6/conf")
LOOPBACK_INDEX, FIRST_INDEX = 1, 16
ROUTING = Path("/proc/sys/net/ipv4/conf")
NETWORK_SETTINGS = Path("/proc/sys/net")
LINK_LOCAL_PREFIX = 16
FORWARDING6 = Path("/proc/sys/net/ipv6/conf/all/forwarding")
ROUTES, DESTINATION, MASK = Path("/proc/net/route"), 1, 7
FORWARDING = Path("/proc/sys/net/ipv4/ip_forward")


class NoSuchDevice(SystemFailure):
    def __init__(self, name: str) -> None:
        super().__init__(f"this host has no network device {name}")


async def build_bridge(plan: BridgePlan) -> None:
    """One that an earlier engine left is kept, with whatever hangs on it."""
    await run_blocking(_build_bridge, plan)


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


def has_link(name: str) -> bool:
    try:
        return bool(socket.if_nametoindex(name))
    except OSError:
        return False


async def rejoin(bridge: str, host_links: Sequence[str]) -> None:
    """To a bridge that was made anew, those of its ports that are there."""
    ports = [rtnl.join_bridge(name, _index(bridge)) for name in host_links if has_link(name)]
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


async def host_routes() -> list[IPv4Network]:
    return await run_blocking(routes_beside)


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
        _switch_ipv6(plan.name, on=True)
        FORWARDING6.write_text("1")
        _run([rtnl.add_address(_index(plan.name), plan.address6, plan.prefix_length6)])
    if plan.route_localnet:
        (ROUTING / plan.name / "route_localnet").write_text("1")


class _HostSide:
    """What a thread in a container's namespace needs of the host's: a socket, and the numbers of its devices."""

    def __init__(self, endpoints: Sequence[EndpointPlan]) -> None:
        self._endpoints = endpoints
        self.indices = {
            name: _index(name) for name in {e.bridge or e.parent for e in endpoints if e.bridge or e.parent}
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
        self.netlink.run([rtnl.set_hairpin(_index(e.host_link)) for e in self._endpoints if e.hairpin])


def _furnish(endpoints: Sequence[EndpointPlan], host: _HostSide, inside: Callable[[], None] | None = None) -> None:
    """In the container's namespace. A device has a number far from those that the kernel gives by itself."""
    taken = {index for index, _ in socket.if_nameindex()}
    numbers = (n for n in range(FIRST_INDEX, FIRST_INDEX + 1000) if n not in taken)
    with rtnl.Rtnl() as netlink:
        netlink.run([rtnl.set_up(LOOPBACK_INDEX)])
        for e, index in zip(endpoints, numbers, strict=False):
            if not (index := _add_device(netlink, e, index, host)):
                continue
            _switch_ipv6(e.link, on=bool(e.address6))
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
    index = _index(passing)
    netlink.run([rtnl.rename_link(index, plan.link)])
    return index


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as gone:
        raise NoSuchDevice(name) from gone


def _run(requests: Iterable[rtnl.Request]) -> None:
    with rtnl.Rtnl() as netlink:
        netlink.run(requests)


def _switch_ipv6(link: str, *, on: bool) -> None:
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


def routes_beside(device: str = "") -> list[IPv4Network]:
    """Of the host, but for the default one and those by `device`. Blocking. The kernel's text is read in a tenth of the
    time that netlink's answer takes."""
    rows = [line.split() for line in ROUTES.read_text().splitlines()[1:]]
    others = [row for row in rows if row[0] != device]
    masks = ((_number(row[DESTINATION]), int(row[MASK], 16).bit_count()) for row in others)
    return [IPv4Network(mask) for mask in masks if mask[1]]


def _number(text: str) -> int:
    """`000011AC`, in the machine's own byte order, is 172.17.0.0."""
    return int.from_bytes(int(text, 16).to_bytes(4, sys.byteorder), "big")
