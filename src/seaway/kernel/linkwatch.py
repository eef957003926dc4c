"""Which network devices go away, as the kernel tells it: in the network namespace of whoever enters the watch."""

import asyncio
import errno
import socket
import struct
from collections.abc import Iterator
from types import TracebackType

from seaway.kernel.rtnl import DELLINK, HEADER, IFINFO, IFLA_IFNAME

RTMGRP_LINK = 1
RTATTR = struct.Struct("=HH")


class LinkWatch:
    """Of devices whose names begin with one of `prefixes`."""

    def __init__(self, *prefixes: str) -> None:
        self._prefixes = prefixes

    def __enter__(self) -> "LinkWatch":
        self._socket = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, socket.NETLINK_ROUTE
        )
        self._socket.bind((0, RTMGRP_LINK))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def wait_deleted(self) -> None:
        """Returns too when the kernel dropped notifications: they may have been of that kind."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await loop.sock_recv(self._socket, 1 << 16)
            except OSError as lost:
                if lost.errno != errno.ENOBUFS:
                    raise
                return
            if any(name.startswith(self._prefixes) for name in deleted_links(data)):
                return


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
