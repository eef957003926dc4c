"""What other servers have said, for as long as they said that it holds. No input or output."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from seaway.networks.dns.wire import TRUNCATED, TTL, FormError, is_plain, lifetime, parse_question

MOST = 4096
LONGEST_S = 300
"""Whatever the server says: a wrong answer is not believed for longer."""
LARGEST_BYTES = 4096
NOERROR, NXDOMAIN = 0, 3


@dataclass(frozen=True, slots=True)
class Entry:
    answer: bytes
    ttls: tuple[TTL, ...]
    since: float
    lifetime_s: int


class Cache:
    """`scope`: whoever is asked, and by whom. Only who asks in the same one is told what another one was."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._entries: OrderedDict[tuple[Hashable, bytes], Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, scope: Hashable, query: bytes) -> bytes | None:
        key = scope, query[2:]
        entry = self._entries.get(key)
        if entry is None:
            return None
        age = int(self._now() - entry.since)
        if age >= entry.lifetime_s:
            del self._entries[key]
            return None
        self._entries.move_to_end(key)
        answer = bytearray(entry.answer)
        answer[:2] = query[:2]
        for ttl in entry.ttls:
            answer[ttl.at : ttl.at + 4] = max(ttl.value - age, 0).to_bytes(4, "big")
        return bytes(answer)

    def keep(self, scope: Hashable, query: bytes, answer: bytes) -> None:
        """If it is of use to anybody else."""
        try:
            if not is_plain(query, parse_question(query)) or not _is_lasting(answer):
                return
            lifetime_s, ttls = lifetime(answer)
        except FormError:
            return
        if lifetime_s:
            since, limit = self._now(), min(lifetime_s, LONGEST_S)
            self._entries[scope, query[2:]] = Entry(answer, tuple(ttls), since, limit)
            if len(self._entries) > MOST:
                self._entries.popitem(last=False)


def _is_lasting(answer: bytes) -> bool:
    return len(answer) <= LARGEST_BYTES and not answer[2] & TRUNCATED and (answer[3] & 0xF) in (NOERROR, NXDOMAIN)
