"""Who changes nftables: the kernel's own notifications, one batch for each transaction, which NEWGEN ends.

The kernel names the thread that made a change, not its process, so a batch is judged by what it does: one that
replaces rules adds some in the same breath, one that removes a table or flushes a chain does not.
"""

import struct
from collections.abc import Callable, Collection, Iterator, Mapping

from seaway.kernel.netlinkwatch import NetlinkWatch

NETLINK_NETFILTER = 12
NFNLGRP_NFTABLES = 7
NLA_TYPE = 0x3FFF
DELTABLE, NEWCHAIN, DELCHAIN, NEWRULE, DELRULE, NEWGEN = 2, 3, 5, 6, 8, 15
TABLE_NAME, CHAIN_NAME = 1, 2
"""The attributes of a rule; the table's name has the same number in each of the messages above."""
NAME_OF_CHAIN = 3
"""In messages about a chain itself."""
NLMSG, NFGENMSG, ATTRIBUTE = struct.Struct("=IHHII"), 4, struct.Struct("=HH")


def watch(matters: Callable[[bytes], bool]) -> NetlinkWatch:
    """From the moment it is entered, in the network namespace of the caller."""
    return NetlinkWatch(NETLINK_NETFILTER, 1 << (NFNLGRP_NFTABLES - 1), matters)


class Deletions:
    """Whether rules have vanished from `table`, but for those of its chain `free`."""

    def __init__(self, table: str, free: str) -> None:
        self._table, self._free = table.encode() + b"\0", free.encode() + b"\0"
        self._deleted = self._added = False

    def __call__(self, data: bytes) -> bool:
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


class OthersChanges:
    """Whether rules may have vanished from `tables` that are not ours alone, or a policy changed: in `chain` of them,
    or without `chain` rules anywhere in them."""

    def __init__(self, tables: Collection[str], chain: str = "") -> None:
        self._tables = frozenset(name.encode() + b"\0" for name in tables)
        self._chain = chain.encode() + b"\0" if chain else b""

    def __call__(self, data: bytes) -> bool:
        return any(self._matters_here(*message) for message in messages(data))

    def _matters_here(self, kind: int, attributes: Mapping[int, bytes]) -> bool:
        if attributes.get(TABLE_NAME) not in self._tables or kind not in (DELTABLE, NEWCHAIN, DELCHAIN, DELRULE):
            return False
        name = attributes.get(CHAIN_NAME if kind == DELRULE else NAME_OF_CHAIN)
        return kind == DELTABLE or (name == self._chain if self._chain else kind != NEWCHAIN)


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
