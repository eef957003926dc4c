"""Hand-packed rtnetlink: the few requests of a container's start, several of them in one datagram.

pyroute2 does the same in three times the time (`kernel.netlink`, for all that is not on that path). A `Rtnl` speaks
to the namespace in which it was opened, from whichever thread. Blocking.
"""

import errno
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from types import TracebackType

from seaway.base.errors import SystemFailure

NEWLINK, DELLINK, SETLINK, NEWADDR, NEWROUTE, ERROR = 16, 17, 19, 20, 24, 2
REQUEST, ACK, REPLACE, EXCL, CREATE = 1, 4, 0x100, 0x200, 0x400
IFLA_PROTINFO, BRPORT_MODE, NESTED, AF_BRIDGE = 12, 4, 0x8000, 7
IFF_UP, IFA_F_NODAD = 1, 2
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 5, 10, 18, 28
IFLA_IFALIAS = 20
INFO_KIND, INFO_DATA, VETH_PEER, MACVLAN_MODE, IPVLAN_MODE, IPVLAN_FLAGS, VLAN_ID = 1, 2, 1, 1, 1, 2, 1
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, RTA_GATEWAY, RTA_OIF, RTA_DST = 1, 2, 4, 5, 4, 1
RT_TABLE_MAIN, RTPROT_BOOT, SCOPE_UNIVERSE, SCOPE_LINK, RTN_UNICAST = 254, 3, 0, 253, 1
MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}
IPVLAN_MODES = {"l2": 0, "l3": 1, "l3s": 2}
IPVLAN_FLAG_BITS = {"bridge": 0, "private": 1, "vepa": 2}
HEADER, IFINFO, IFADDR, RTMSG = (
    struct.Struct("=IHHII"),
    struct.Struct("=BxHiII"),
    struct.Struct("=BBBBI"),
    struct.Struct("=BBBBBBBBI"),
)


class RtnlFailed(SystemFailure):
    def __init__(self, what: str, code: int) -> None:
        self.errno = code
        super().__init__(f"{what}: {os.strerror(code).lower()}")


@dataclass(frozen=True, slots=True)
class Request:
    """`what` it is for is said where it fails; the errors in `accepted` are no failure."""

    what: str
    kind: int
    flags: int
    body: bytes
    accepted: tuple[int, ...] = ()


class Rtnl:
    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._number = 0

    def __enter__(self) -> "Rtnl":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._socket.close()

    def run(self, requests: Iterable[Request]) -> None:
        """All are tried; then RtnlFailed is raised for the first that failed."""
        pending: dict[int, Request] = {}
        datagram = b""
        for request in requests:
            self._number += 1
            pending[self._number] = request
            length = HEADER.size + len(request.body)
            datagram += HEADER.pack(length, request.kind, REQUEST | ACK | request.flags, self._number, 0) + request.body
        if datagram:
            self._socket.send(datagram)
        failures = []
        while pending:
            for number, code in _answers(self._socket.recv(1 << 16)):
                done = pending.pop(number, None)
                if done and code and code not in done.accepted:
                    failures.append(RtnlFailed(done.what, code))
        if failures:
            raise failures[0]


def add_veth(name: str, index: int, mac: str, mtu: int, peer: str, peer_namespace_fd: int) -> Request:
    """A pair: `name` here, with the index that the caller chose, and `peer` there. Both are down."""
    there = (IFLA_IFNAME, _text(peer)), (IFLA_MTU, _u32(mtu)), (IFLA_NET_NS_FD, _u32(peer_namespace_fd))
    other = IFINFO.pack(0, 0, 0, 0, 0) + pack_attributes(*there)
    info = pack_attributes((INFO_KIND, b"veth"), (INFO_DATA, pack_attributes((VETH_PEER, other))))
    here = (IFLA_IFNAME, _text(name)), (IFLA_ADDRESS, mac_bytes(mac)), (IFLA_MTU, _u32(mtu)), (IFLA_LINKINFO, info)
    return Request(f"add veth {peer}", NEWLINK, CREATE | EXCL, IFINFO.pack(0, 0, index, 0, 0) + pack_attributes(*here))


def join_bridge(name: str, master: int) -> Request:
    """Makes `name` a port of the bridge with the index `master`, and sets it up."""
    attributes = pack_attributes((IFLA_IFNAME, _text(name)), (IFLA_MASTER, _u32(master)))
    return Request(f"join {name} to its bridge", NEWLINK, 0, IFINFO.pack(0, 0, 0, IFF_UP, IFF_UP) + attributes)


def set_hairpin(index: int) -> Request:
    """The bridge may send back through this port what came in by it."""
    port = pack_attributes((IFLA_PROTINFO | NESTED, pack_attributes((BRPORT_MODE, b"\1"))))
    return Request(f"set hairpin mode of port {index}", SETLINK, 0, IFINFO.pack(AF_BRIDGE, 0, index, 0, 0) + port)


def add_macvlan(name: str, parent: int, mode: str, mac: str, namespace_fd: int) -> Request:
    """A device `name` in the namespace, on the host's device with the index `parent`; it is down."""
    data = pack_attributes((MACVLAN_MODE, _u32(MACVLAN_MODES[mode])))
    info = pack_attributes((INFO_KIND, b"macvlan"), (INFO_DATA, data))
    attributes = (IFLA_IFNAME, _text(name)), (IFLA_LINK, _u32(parent)), (IFLA_ADDRESS, mac_bytes(mac))
    more = (IFLA_NET_NS_FD, _u32(namespace_fd)), (IFLA_LINKINFO, info)
    body = IFINFO.pack(0, 0, 0, 0, 0) + pack_attributes(*attributes, *more)
    return Request(f"add macvlan {name}", NEWLINK, CREATE | EXCL, body)


def add_ipvlan(name: str, parent: int, mode: str, flag: str, namespace_fd: int) -> Request:
    """As `add_macvlan`; its address is the parent's."""
    kind = (IPVLAN_MODE, _u16(IPVLAN_MODES[mode])), (IPVLAN_FLAGS, _u16(IPVLAN_FLAG_BITS[flag]))
    info = pack_attributes((INFO_KIND, b"ipvlan"), (INFO_DATA, pack_attributes(*kind)))
    attributes = (IFLA_IFNAME, _text(name)), (IFLA_LINK, _u32(parent)), (IFLA_NET_NS_FD, _u32(namespace_fd))
    body = IFINFO.pack(0, 0, 0, 0, 0) + pack_attributes(*attributes, (IFLA_LINKINFO, info))
    return Request(f"add ipvlan {name}", NEWLINK, CREATE | EXCL, body)


def add_vlan(name: str, parent: int, number: int) -> Request:
    info = pack_attributes((INFO_KIND, b"vlan"), (INFO_DATA, pack_attributes((VLAN_ID, _u16(number)))))
    attributes = (IFLA_IFNAME, _text(name)), (IFLA_LINK, _u32(parent)), (IFLA_LINKINFO, info)
    return Request(
        f"add vlan {name}", NEWLINK, CREATE | EXCL, IFINFO.pack(0, 0, 0, 0, 0) + pack_attributes(*attributes)
    )


def add_dummy(name: str) -> Request:
    attributes = (IFLA_IFNAME, _text(name)), (IFLA_LINKINFO, pack_attributes((INFO_KIND, b"dummy")))
    return Request(
        f"add dummy {name}", NEWLINK, CREATE | EXCL, IFINFO.pack(0, 0, 0, 0, 0) + pack_attributes(*attributes)
    )


def move_link(name: str, namespace_fd: int) -> Request:
    body = IFINFO.pack(0, 0, 0, 0, 0) + pack_attributes(
        (IFLA_IFNAME, _text(name)), (IFLA_NET_NS_FD, _u32(namespace_fd))
    )
    return Request(f"move {name} into the container", NEWLINK, 0, body)


def return_link(index: int, name: str, namespace_fd: int) -> Request:
    """One that is gone is no failure."""
    body = IFINFO.pack(0, 0, index, 0, 0) + pack_attributes(
        (IFLA_IFNAME, _text(name)), (IFLA_NET_NS_FD, _u32(namespace_fd))
    )
    return Request(f"give {name} back to the host", NEWLINK, 0, body, accepted=(errno.ENODEV,))


def rename_link(index: int, name: str, mac: str = "", alias: str = "") -> Request:
    """A device that is down."""
    own = [(IFLA_ADDRESS, mac_bytes(mac))] if mac else []
    own += [(IFLA_IFALIAS, alias.encode())] if alias else []
    body = IFINFO.pack(0, 0, index, 0, 0) + pack_attributes((IFLA_IFNAME, _text(name)), *own)
    return Request(f"name device {index} {name}", NEWLINK, 0, body)


def set_up(index: int) -> Request:
    return Request(f"set device {index} up", NEWLINK, 0, IFINFO.pack(0, 0, index, IFF_UP, IFF_UP))


def delete_link(name: str) -> Request:
    """One that is gone is no failure: a veth also goes when its namespace does."""
    body = IFINFO.pack(0, 0, 0, 0, 0) + pack_attributes((IFLA_IFNAME, _text(name)))
    return Request(f"delete {name}", DELLINK, 0, body, accepted=(errno.ENODEV,))


def add_address(index: int, address: str, prefix_length: int, broadcast: str = "") -> Request:
    ip = ip_address(address)
    family, flags = (socket.AF_INET, 0) if ip.version == 4 else (socket.AF_INET6, IFA_F_NODAD)
    attributes = [(IFA_LOCAL, ip.packed), (IFA_ADDRESS, ip.packed)]
    attributes += [(IFA_BROADCAST, ip_address(broadcast).packed)] if broadcast else []
    body = IFADDR.pack(family, prefix_length, flags, SCOPE_UNIVERSE, index) + pack_attributes(*attributes)
    return Request(f"add address {address}", NEWADDR, CREATE | EXCL, body, accepted=(errno.EEXIST,))


def set_default_route(gateway: str) -> Request:
    """In place of the one that there was."""
    ip = ip_address(gateway)
    family = socket.AF_INET if ip.version == 4 else socket.AF_INET6
    body = RTMSG.pack(family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, SCOPE_UNIVERSE, RTN_UNICAST, 0)
    return Request(
        f"set default route by {gateway}", NEWROUTE, CREATE | REPLACE, body + pack_attributes((RTA_GATEWAY, ip.packed))
    )


def add_route(destination: str, next_hop: str, index: int) -> Request:
    """Without a next hop the destination is on the device itself."""
    network = ip_network(destination, strict=False)
    family, scope = (socket.AF_INET, SCOPE_LINK) if network.version == 4 else (socket.AF_INET6, SCOPE_UNIVERSE)
    kind = RTN_UNICAST
    scope = SCOPE_UNIVERSE if next_hop else scope
    body = RTMSG.pack(family, network.prefixlen, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, kind, 0)
    body += pack_attributes((RTA_DST, network.network_address.packed), (RTA_OIF, _u32(index)))
    body += pack_attributes((RTA_GATEWAY, ip_address(next_hop).packed)) if next_hop else b""
    return Request(f"add route to {destination}", NEWROUTE, CREATE | REPLACE, body)


def set_default_device(index: int, version: int) -> Request:
    """The default route of IPv4 or IPv6 goes out by a device, to nobody in particular."""
    family, scope = (socket.AF_INET, SCOPE_LINK) if version == 4 else (socket.AF_INET6, SCOPE_UNIVERSE)
    body = RTMSG.pack(family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_BOOT, scope, RTN_UNICAST, 0)
    body += pack_attributes((RTA_OIF, _u32(index)))
    return Request(f"set default route by device {index}", NEWROUTE, CREATE | REPLACE, body)


def _answers(data: bytes) -> Iterable[tuple[int, int]]:
    """(request number, errno or 0) of each acknowledgement."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, _flags, number, _port = HEADER.unpack_from(data, at)
        if kind == ERROR:
            yield number, -struct.unpack_from("=i", data, at + HEADER.size)[0]
        at += (length + 3) & ~3


def pack_attributes(*pairs: tuple[int, bytes]) -> bytes:
    return b"".join(
        struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4) for kind, value in pairs
    )


def _text(text: str) -> bytes:
    return text.encode() + b"\0"


def _u16(number: int) -> bytes:
    return struct.pack("=H", number)


def _u32(number: int) -> bytes:
    return struct.pack("=I", number)


def mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))
