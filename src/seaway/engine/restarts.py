"""What the engine remembers between a container's end and its next start, as dockerd's restart manager does."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Restarts:
    def __init__(self) -> None:
        self._delays_s: dict[str, float] = {}
        self._cancelled: dict[str, asyncio.Event] = {}
        self._by_user: set[str] = set()

    def begin_anew(self, container_id: str) -> None:
        """Somebody started it: whatever was cancelled or counted before is over."""
        self.forget(container_id)

    def cancel(self, container_id: str) -> None:
        """No restart after the present run, and none of those that are awaited now."""
        self._event(container_id).set()

    def is_cancelled(self, container_id: str) -> bool:
        return container_id in self._cancelled and self._cancelled[container_id].is_set()

    def last_delay_s(self, container_id: str) -> float:
        return self._delays_s.get(container_id, 0)

    async def pause(self, container_id: str, delay_s: float) -> None:
        """The back-off; a cancellation ends it at once."""
        self._delays_s[container_id] = delay_s
        try:
            async with asyncio.timeout(delay_s):
                await self._event(container_id).wait()
        except TimeoutError:
            pass  # nobody cancelled

    @contextmanager
    def by_user(self, container_id: str) -> Iterator[None]:
        """`docker restart`: the end of the run is not the end of a container that is removed with it."""
        self._by_user.add(container_id)
        try:
            yield
        finally:
            self._by_user.discard(container_id)

    def is_by_user(self, container_id: str) -> bool:
        return container_id in self._by_user

    def forget(self, container_id: str) -> None:
        self._delays_s.pop(container_id, None)
        self._cancelled.pop(container_id, None)

    def _event(self, container_id: str) -> asyncio.Event:
        return self._cancelled.setdefault(container_id, asyncio.Event())
