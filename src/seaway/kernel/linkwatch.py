"""Which network devices go away, as the kernel tells it: in the network namespace of whoever enters the watch."""

import socket
import struct
from collections.abc import Iterator

from seaway.kernel.netlinkwatch import NetlinkWatch
from seaway.kernel.rtnl import DELLINK, HEADER, IFINFO, IFLA_IFNAME

RTMGRP_LINK = 1
RTATTR = struct.Struct("=HH")


class LinkWatch(NetlinkWatch):
    """Of devices whose names begin with one of `prefixes`."""

    def __init__(self, *prefixes: str) -> None:
        super().__init__(socket.NETLINK_ROUTE, RTMGRP_LINK, self._saw_deletion)
        self._prefixes = prefixes

    def _saw_deletion(self, data: bytes) -> bool:
        return any(name.startswith(self._prefixes) for name in deleted_links(data))


def deleted_links(data: bytes) -> Iterator[str]:
    """The names of the devices that are gone; one that only left its bridge is not."""
    at = 0
    while at + HEADER.size <= len(data):
        length, kind, *_ = HEADER.unpack_from(data, at)
        if length < HEADER.size:
            return
        family = data[at + HEADER.size]
        if kind == DELLINK and family == socket.AF_UNSPEC:
            yield _name(data[at + HEADER.size + IFINFO.size : at + length])
        at += (length + 3) & ~3


def _name(attributes: bytes) -> str:
    at = 0
    while at + RTATTR.size <= len(attributes):
        length, kind = RTATTR.unpack_from(attributes, at)
        if kind == IFLA_IFNAME:
            return attributes[at + RTATTR.size : at + length].rstrip(b"\0").decode(errors="replace")
        if length < RTATTR.size:
            break
        at += (length + 3) & ~3
    return ""
