"""An overlay network on this host: a bridge for the containers, and the VXLAN device that leads to the other hosts.

    container eth0 -- veth -- ov-<network> -- vx-<network> ))) UDP 4789 ((( another host's vx-<network> …

The host itself has no part in it: the bridge has no address, answers no question for one, and routes nothing.
"""

from collections.abc import Set
from pathlib import Path

from seaway.kernel import vxlan
from seaway.kernel.netlink import Netlink
from seaway.kernel.vxlan import Behind
from seaway.kernel.worker import run_blocking
from seaway.networks import links
from seaway.networks.overlay.plan import VXLAN_PORT, OverlaySettings

SETTINGS = Path("/proc/sys/net")
NO_PART_IN_IT = {"ipv4/conf/{}/arp_ignore": "8", "ipv4/conf/{}/forwarding": "0", "ipv6/conf/{}/disable_ipv6": "1"}


async def build(settings: OverlaySettings, own_host: str, table: Set[Behind] | None) -> None:
    """Whatever of it is there is kept. `table` None: the other hosts are not known, so those of the device stay."""
    await run_blocking(_build, settings, own_host, table)


async def remove(settings: OverlaySettings) -> None:
    for name in (settings.vxlan, settings.bridge):
        await links.delete_link(name)


def is_built(settings: OverlaySettings) -> bool:
    return links.has_link(settings.bridge) and links.has_link(settings.vxlan)


def _build(settings: OverlaySettings, own_host: str, table: Set[Behind] | None) -> None:
    with Netlink() as netlink:
        if netlink.index_of(settings.bridge) is None:
            netlink.add_bridge(settings.bridge, _bridge_mac(own_host), settings.mtu)
            for path, value in NO_PART_IN_IT.items():
                _set(SETTINGS / path.format(settings.bridge), value)
            netlink.set_up(settings.bridge)
    vxlan.add_vxlan(settings.vxlan, settings.vni, own_host, VXLAN_PORT, settings.mtu, settings.bridge)
    if table is not None:
        there = vxlan.hosts_behind(settings.vxlan)
        vxlan.change_table(settings.vxlan, table - there, there - table)


def _set(path: Path, value: str) -> None:
    try:
        path.write_text(value)
    except FileNotFoundError:
        pass  # a kernel without IPv6


def _bridge_mac(host: str) -> str:
    """Another one on each host, for all of them are on one wire."""
    return "02:6f:" + ":".join(f"{int(part):02x}" for part in host.split("."))
