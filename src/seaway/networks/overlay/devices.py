"""An overlay network on this host: a bridge for the containers, and the VXLAN device that leads to the other hosts.

    container eth0 -- veth -- ov-<network> -- vx-<network> ))) UDP 4789 ((( another host's vx-<network> …

The host itself has no part in it: the bridge has no address, answers no question for one, and routes nothing.
"""

import socket
from collections.abc import Iterable, Sequence, Set
from pathlib import Path

from seaway.kernel import rtnl, vxlan
from seaway.kernel.linkwatch import LinkWatch
from seaway.kernel.netlink import Netlink
from seaway.kernel.vxlan import Behind
from seaway.kernel.worker import run_blocking
from seaway.networks import links
from seaway.networks.overlay.plan import BRIDGE_PREFIX, VXLAN_PORT, VXLAN_PREFIX, OverlaySettings

SETTINGS = Path("/proc/sys/net")
NO_PART_IN_IT = {"ipv4/conf/{}/arp_ignore": "8", "ipv4/conf/{}/forwarding": "0", "ipv6/conf/{}/disable_ipv6": "1"}


async def build(settings: OverlaySettings, own_host: str, table: Set[Behind] | None, ports: Iterable[str] = ()) -> None:
    """Whatever of it is there is kept. `table` None: the other hosts are not known, so those of the device stay.
    `ports` are the containers' devices, which join a bridge that had to be made."""
    await run_blocking(_build, settings, own_host, table, tuple(ports))


async def remove(settings: OverlaySettings) -> None:
    for name in (settings.vxlan, settings.bridge):
        await links.delete_link(name)


def is_built(settings: OverlaySettings) -> bool:
    return links.has_link(settings.bridge) and links.has_link(settings.vxlan)


def watch() -> LinkWatch:
    """Of these devices, all networks'."""
    return LinkWatch(BRIDGE_PREFIX, VXLAN_PREFIX)


def _build(settings: OverlaySettings, own_host: str, table: Set[Behind] | None, ports: Sequence[str]) -> None:
    with Netlink() as netlink:
        if netlink.index_of(settings.bridge) is None:
            netlink.add_bridge(settings.bridge, _bridge_mac(own_host), settings.mtu)
            for path, value in NO_PART_IN_IT.items():
                _set(SETTINGS / path.format(settings.bridge), value)
            netlink.set_up(settings.bridge)
            _join(settings.bridge, ports)
    vxlan.add_vxlan(settings.vxlan, settings.vni, own_host, VXLAN_PORT, settings.mtu, settings.bridge)
    if table is not None:
        there = vxlan.hosts_behind(settings.vxlan)
        vxlan.change_table(settings.vxlan, table - there, there - table)


def _join(bridge: str, ports: Sequence[str]) -> None:
    """Those that are there; a container that just goes has none any more."""
    there = [port for port in ports if links.has_link(port)]
    with rtnl.Rtnl() as netlink:
        netlink.run(rtnl.join_bridge(port, socket.if_nametoindex(bridge)) for port in there)


def _set(path: Path, value: str) -> None:
    try:
        path.write_text(value)
    except FileNotFoundError:
        pass  # a kernel without IPv6


def _bridge_mac(host: str) -> str:
    """Another one on each host, for all of them are on one wire."""
    return "02:6f:" + ":".join(f"{int(part):02x}" for part in host.split("."))
