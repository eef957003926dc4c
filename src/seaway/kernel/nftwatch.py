"""Who else changes nftables: the kernel's own notifications, one batch for each transaction, which NEWGEN ends.

The kernel names the thread that made a change, not its process, so a batch is judged by what it does: one that
replaces rules adds some in the same breath, one that removes a table or flushes a chain does not.
"""

import asyncio
import errno
import socket
import struct
from collections.abc import Iterator
from types import TracebackType

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NLA_TYPE = 0x3FFF
DELTABLE, DELCHAIN, NEWRULE, DELRULE, NEWGEN = 2, 5, 6, 8, 15
TABLE_NAME, CHAIN_NAME = 1, 2
"""The attributes of a rule; the table's name has the same number in each of the messages above."""
NLMSG, NFGENMSG, ATTRIBUTE = struct.Struct("=IHHII"), 4, struct.Struct("=HH")


class Watch:
    """Rules that vanish from `table`, but for those of its chain `free`. Watches from the moment it is entered, in the
    network namespace of the caller."""

    def __init__(self, table: str, free: str) -> None:
        self._table, self._free = table.encode() + b"\0", free.encode() + b"\0"
        self._deleted = self._added = False

    def __enter__(self) -> "Watch":
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, NETLINK_NETFILTER)
        self._socket.bind((0, 1 << (NFNLGRP_NFTABLES - 1)))
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
            if self.saw_deletion(data):
                return

    def saw_deletion(self, data: bytes) -> bool:
        found = False
        for kind, attributes in messages(data):
            if kind == NEWGEN:
                found |= self._deleted and not self._added
                self._deleted = self._added = False
            elif attributes.get(TABLE_NAME) != self._table or attributes.get(CHAIN_NAME) == self._free:
                continue
            elif kind == NEWRULE:
                self._added = True
            elif kind in (DELTABLE, DELCHAIN, DELRULE):
                self._deleted = True
        return found


def messages(data: bytes) -> Iterator[tuple[int, dict[int, bytes]]]:
    """Each message's kind and its attributes."""
    at = 0
    while at + NLMSG.size <= len(data):
        length, kind, *_ = NLMSG.unpack_from(data, at)
        if length < NLMSG.size:
            return
        yield kind & 0xFF, dict(_attributes(data[at + NLMSG.size + NFGENMSG : at + length]))
        at += (length + 3) & ~3


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + ATTRIBUTE.size <= len(data):
        length, kind = ATTRIBUTE.unpack_from(data, at)
        if length < ATTRIBUTE.size:
            return
        yield kind & NLA_TYPE, data[at + ATTRIBUTE.size : at + length]
        at += (length + 3) & ~3
