"""Who else changes nftables: the kernel's own notifications, one batch for each transaction, which NEWGEN ends.

The kernel names the thread that made a change, not its process, so a batch is judged by what it does: one that
replaces rules adds some in the same breath, one that removes a table or flushes a chain does not.
"""

import struct
from collections.abc import Iterator

from seaway.kernel.netlinkwatch import NetlinkWatch

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NLA_TYPE = 0x3FFF
DELTABLE, DELCHAIN, NEWRULE, DELRULE, NEWGEN = 2, 5, 6, 8, 15
TABLE_NAME, CHAIN_NAME = 1, 2
"""The attributes of a rule; the table's name has the same number in each of the messages above."""
NLMSG, NFGENMSG, ATTRIBUTE = struct.Struct("=IHHII"), 4, struct.Struct("=HH")


class Watch(NetlinkWatch):
    """Rules that vanish from `table`, but for those of its chain `free`. Watches from the moment it is entered, in the
    network namespace of the caller."""

    def __init__(self, table: str, free: str) -> None:
        super().__init__(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1), self.saw_deletion)
        self._table, self._free = table.encode() + b"\0", free.encode() + b"\0"
        self._deleted = self._added = False

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
