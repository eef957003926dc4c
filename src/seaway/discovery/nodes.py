"""Which engines the cluster has."""

import logging
from collections.abc import Callable

from seaway.discovery.mirror import Mirror

log = logging.getLogger(__name__)


class Nodes:
    """`mirror` holds what they advertise (IP:port), each as its own key."""

    def __init__(self) -> None:
        self.mirror = Mirror(self._changed)
        self.own = ""
        """What this engine advertises; empty without a cluster."""
        self._listeners: list[Callable[[], None]] = []

    def listen(self, listener: Callable[[], None]) -> None:
        """Called on the event loop when nodes have come or gone; must not wait."""
        self._listeners.append(listener)

    def all(self) -> list[str]:
        return sorted(self.mirror.entries.values())

    def addresses(self) -> set[str]:
        """Without the ports."""
        return {ip_of(node) for node in self.mirror.entries.values()}

    def _changed(self, keys: frozenset[str]) -> None:
        for key in sorted(keys - {self.own}):
            log.info("engine %s has %s the cluster", key, "joined" if key in self.mirror.entries else "left")
        for listener in self._listeners:
            listener()


def ip_of(advertise: str) -> str:
    return advertise.rpartition(":")[0].strip("[]")
