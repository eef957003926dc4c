"""Devices that somebody else's driver made: lent to a container, and given back to the host when it leaves.

What such a device was called on the host stands in its alias, which goes along into the namespace: an engine that
adopts the container knows it, too. Only one device of an endpoint is given back, whatever the container wrote there.
"""

import os
import socket
from pathlib import Path

from seaway.kernel import netns, rtnl
from seaway.kernel.netlink import Netlink
from seaway.model.network import EndpointSettings
from seaway.networks.plan import EndpointPlan

LENT = "lent by the host as "
LONGEST_NAME = 15


def take_in(netlink: rtnl.Rtnl, plan: EndpointPlan, host: rtnl.Rtnl) -> int:
    """In a thread that is in the container's namespace; `host` is a socket of the engine's. The device's number."""
    with open("/proc/thread-self/ns/net", "rb", buffering=0) as here:
        host.run([rtnl.move_link(plan.source, here.fileno())])
    index = socket.if_nametoindex(plan.source)
    netlink.run([rtnl.rename_link(index, plan.link, plan.mac, LENT + plan.source)])
    return index


async def give_back(path: Path, endpoint: EndpointSettings) -> bool:
    """Whether there was one: a namespace or a device that is gone is no failure."""
    if not path.exists():
        return False
    with open(f"/proc/{os.getpid()}/ns/net", "rb", buffering=0) as host:
        return await netns.run_inside(path, lambda: _give_back(endpoint, host.fileno()))


def _give_back(endpoint: EndpointSettings, host_fd: int) -> bool:
    address = endpoint.ip_address or endpoint.global_ipv6_address
    with Netlink() as netlink:
        names = netlink.names_with(address) if address else netlink.names_of(endpoint.mac_address)
        aliases = netlink.aliases()
    for index in map(socket.if_nametoindex, names):
        source = aliases.get(index, "").removeprefix(LENT)
        if aliases.get(index, "").startswith(LENT) and 0 < len(source) <= LONGEST_NAME:
            with rtnl.Rtnl() as requests:
                requests.run([rtnl.return_link(index, source, host_fd)])
            return True
    return False
