"""Tells network drivers of somebody else which engines the cluster has, if their networks span it."""

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping

from seaway.base.errors import EngineError
from seaway.kernel.worker import run_blocking
from seaway.networks.driver import NetworkDriver, NodeListener

log = logging.getLogger(__name__)


class NodeNews:
    """`drivers` are those that are in use, `nodes` the engines' IP addresses, `own` that of this one, as of now. Each
    driver hears of a node once, and once of its end; one that fails hears it again with the next news."""

    def __init__(
        self,
        drivers: Callable[[], Mapping[str, NetworkDriver]],
        nodes: Callable[[], Collection[str]],
        own: Callable[[], str],
    ) -> None:
        self._drivers, self._nodes, self._own = drivers, nodes, own
        self._told: dict[str, set[str]] = {}
        self._news = asyncio.Event()

    def wake(self) -> None:
        """Nodes have come or gone, or a driver has."""
        self._news.set()

    async def follow(self) -> None:
        """Runs as long as the engine does."""
        while True:
            await self._news.wait()
            self._news.clear()
            for name, driver in self._drivers().items():
                if driver.scope == "global" and isinstance(driver, NodeListener):
                    await self._tell(driver, self._told.setdefault(name, set()), set(self._nodes()))

    async def _tell(self, driver: NodeListener, told: set[str], there: set[str]) -> None:
        try:
            for address in sorted(told - there):
                await run_blocking(_left, driver, address, address == self._own())
                told.discard(address)
            for address in sorted(there - told):
                await run_blocking(_joined, driver, address, address == self._own())
                told.add(address)
        except EngineError as failed:
            log.warning("a network driver does not hear of the cluster's engines: %s", failed)


def _joined(driver: NodeListener, address: str, own: bool) -> None:
    driver.node_joined(address, own=own)


def _left(driver: NodeListener, address: str, own: bool) -> None:
    driver.node_left(address, own=own)
