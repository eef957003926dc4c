"""Background work that outlives the request which began it. The only place that makes bare tasks.

A failure of such work is logged with its traceback, never lost; `close` cancels what is left and waits for it.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
log = logging.getLogger(__name__)


class Supervisor:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._services: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, T], name: str, *, service: bool = False) -> "asyncio.Task[T]":
        """A `service` runs as long as the engine: nobody waits for its end."""
        task = asyncio.create_task(work, name=name)
        (self._services if service else self._tasks).add(task)
        task.add_done_callback(self._finished)
        return task

    async def shielded(self, work: Coroutine[Any, Any, T], name: str) -> T:
        """Run a mutation to its end even when the client that asked for it goes away."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._mutated)
        return await asyncio.shield(task)

    async def drain(self, timeout_s: float) -> None:
        """Wait for what is under way, and for what it begins in turn, but no longer than `timeout_s`."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while waiting := [t for t in self._tasks if t is not asyncio.current_task()]:
            if (left := deadline - loop.time()) <= 0:
                return
            await asyncio.wait(waiting, timeout=left)

    async def close(self) -> None:
        waiting = [t for t in self._tasks | self._services if t is not asyncio.current_task()]
        for task in waiting:
            task.cancel()
        if waiting:
            await asyncio.wait(waiting)

    def _finished(self, task: "asyncio.Task[Any]") -> None:
        self._tasks.discard(task)
        self._services.discard(task)
        if not task.cancelled() and (failure := task.exception()):
            log.error("background work %s failed", task.get_name(), exc_info=failure)

    def _mutated(self, task: "asyncio.Task[Any]") -> None:
        """Its failure is the client's to hear, also when that one is gone."""
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()
