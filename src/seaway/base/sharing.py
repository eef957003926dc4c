"""Work that several callers want at the same time is done once for all of them."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

from seaway.base.supervisor import Supervisor

T = TypeVar("T")


class SharedWork(Generic[T]):
    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[T]] = {}
        self._waiting: dict[Hashable, int] = {}

    async def join(self, key: Hashable, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the work of this key gives: what is under way, or else a new one. It ends with its last caller."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = Supervisor().spawn(work(), f"shared: {key}")
        self._waiting[key] = self._waiting.get(key, 0) + 1
        try:
            return await asyncio.shield(task)
        finally:
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key], self._running[key]
                task.cancel()
