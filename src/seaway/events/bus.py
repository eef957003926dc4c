"""What happened, told to whoever listens. The last 256 events are kept for those who come late, over a
restart of the engine too where there is a journal.

A publisher never waits: a listener that lags more than 1024 events behind loses the newest, as in dockerd.
"""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from seaway.base import clock
from seaway.events.journal import Journal
from seaway.events.message import Event, make_event

RING_SIZE = 256
QUEUE_SIZE = 1024


class Subscription:
    """Events since the subscription, in order."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue(QUEUE_SIZE)

    def offer(self, event: Event) -> None:
        if not self._queue.full():
            self._queue.put_nowait(event)

    async def next(self) -> Event:
        return await self._queue.get()


class EventBus:
    def __init__(self, journal: Journal | None = None) -> None:
        self._journal = journal
        self._ring: deque[Event] = deque(journal.events() if journal else (), maxlen=RING_SIZE)
        self._subscriptions: set[Subscription] = set()
        self._last_ns = self._ring[-1].time_ns if self._ring else 0
        self.published = 0

    @property
    def listeners(self) -> int:
        return len(self._subscriptions)

    def publish(self, type: str, action: str, actor_id: str, attributes: Mapping[str, str] | None = None) -> Event:
        """Times never repeat and never go back, so that `since` is a cursor."""
        self._last_ns = max(clock.now_ns(), self._last_ns + 1)
        event = make_event(type, action, actor_id, attributes or {}, self._last_ns)
        self._ring.append(event)
        self.published += 1
        if self._journal:
            self._journal.append(event, self._ring)
        for subscription in self._subscriptions:
            subscription.offer(event)
        return event

    def past(self, since_ns: int | None = None, until_ns: int | None = None) -> list[Event]:
        """What is kept between the two times, both included; nothing where neither is given."""
        if since_ns is None and until_ns is None:
            return []
        return [
            event
            for event in self._ring
            if (since_ns is None or event.time_ns >= since_ns) and (until_ns is None or event.time_ns <= until_ns)
        ]

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        subscription = Subscription()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
