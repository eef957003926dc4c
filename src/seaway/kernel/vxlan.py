"""VXLAN devices, and the table in which each of them looks up behind which host a MAC address is. Blocking."""

import errno
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address
from itertools import islice

from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from seaway.kernel.netlink import NetlinkFailed
from seaway.kernel.rtnl import CREATE, REPLACE, Request, Rtnl, mac_bytes, pack_attributes

NEWNEIGH, DELNEIGH, APPEND, AF_BRIDGE = 28, 29, 0x800, 7
NDA_DST, NDA_LLADDR, NTF_SELF, NUD_PERMANENT, NUD_NOARP = 1, 2, 2, 0x80, 0x40
NDMSG = struct.Struct("=BxxxiHBB")
EVERYBODY = "00:00:00:00:00:00"
AT_ONCE = 100  # each answer takes room in the socket's buffer


@dataclass(frozen=True, slots=True, order=True)
class Behind:
    """Frames to `mac` go to `host`; those to EVERYBODY, and to unknown ones, to each of its hosts."""

    mac: str
    host: str


def add_vxlan(name: str, vni: int, local: str, port: int, mtu: int, bridge: str) -> None:
    """A port of the bridge that learns nothing by itself. One that is there with the same `local` is kept."""
    arguments = {"vxlan_id": vni, "vxlan_local": local, "vxlan_port": port, "vxlan_learning": 0}
    with IPRoute() as route:
        try:
            found = route.link_lookup(ifname=name)
            if found and _local_address(route, found[0]) != local:
                route.link("del", index=found.pop())
            if not found:
                route.link("add", ifname=name, kind="vxlan", mtu=mtu, **arguments)
            master = route.link_lookup(ifname=bridge)[0]
            route.link("set", index=route.link_lookup(ifname=name)[0], master=master, state="up")
        except NetlinkError as failed:
            raise NetlinkFailed(f"add vxlan {name} with the ID {vni}", failed) from failed


def hosts_behind(name: str) -> set[Behind]:
    """The device's table; empty where there is no such device."""
    with IPRoute() as route:
        found = route.link_lookup(ifname=name)
        entries = route.fdb("dump", ifindex=found[0]) if found else ()
        return {Behind(e.get("NDA_LLADDR"), e.get("NDA_DST")) for e in entries if e.get("NDA_DST")}


def change_table(name: str, add: Iterable[Behind], remove: Iterable[Behind]) -> None:
    """First what goes, so that an address may move from one host to another."""
    index = socket.if_nametoindex(name)
    requests = iter([*(_remove(index, e) for e in remove), *(_add(index, e) for e in add)])
    with Rtnl() as netlink:
        while some := list(islice(requests, AT_ONCE)):
            netlink.run(some)


def _add(index: int, entry: Behind) -> Request:
    how = APPEND if entry.mac == EVERYBODY else REPLACE
    what = f"lead {entry.mac} to {entry.host}"
    return Request(what, NEWNEIGH, CREATE | how, _body(index, entry), accepted=(errno.EEXIST,))


def _remove(index: int, entry: Behind) -> Request:
    return Request(f"forget {entry.mac}", DELNEIGH, 0, _body(index, entry), accepted=(errno.ENOENT,))


def _body(index: int, entry: Behind) -> bytes:
    head = NDMSG.pack(AF_BRIDGE, index, NUD_PERMANENT | NUD_NOARP, NTF_SELF, 0)
    return head + pack_attributes((NDA_DST, ip_address(entry.host).packed), (NDA_LLADDR, mac_bytes(entry.mac)))


def _local_address(route: IPRoute, index: int) -> str:
    link = route.link("get", index=index)[0]
    return str(link.get_nested("IFLA_LINKINFO", "IFLA_INFO_DATA", "IFLA_VXLAN_LOCAL"))
