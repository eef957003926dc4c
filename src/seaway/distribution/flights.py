"""Work that several pulls want and one does: the others follow it, and hear of its progress.

Where it fails, or its pull is cancelled, the next follower does it: another registry or other credentials may get
further, and a download goes on where it broke off.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field, replace

from seaway.distribution.progress import Progress, ProgressSink


@dataclass(slots=True)
class _Flight:
    sinks: list[ProgressSink]
    last: Progress | None = None
    over: asyncio.Event = field(default_factory=asyncio.Event)
    succeeded: bool = False

    def say(self, event: Progress) -> None:
        self.last = event
        for sink in self.sinks:
            sink(event)


class Flights:
    def __init__(self) -> None:
        self._flights: dict[Hashable, _Flight] = {}

    async def share(
        self, key: Hashable, work: Callable[[ProgressSink], Awaitable[None]], progress: ProgressSink
    ) -> bool:
        """Was it this caller who did it? Then it raises what `work` does."""
        while flight := self._flights.get(key):
            if await _follow(flight, progress):
                return False
        flight = self._flights[key] = _Flight([progress])
        try:
            await work(flight.say)
            flight.succeeded = True
            return True
        finally:
            del self._flights[key]
            flight.over.set()


async def _follow(flight: _Flight, progress: ProgressSink) -> bool:
    """Has it succeeded?"""
    if flight.last:
        progress(flight.last)
    flight.sinks.append(progress)
    try:
        await flight.over.wait()
    finally:
        flight.sinks.remove(progress)
    return flight.succeeded


def renamed(progress: ProgressSink, name: str) -> ProgressSink:
    """Another pull may know the same thing under another name."""
    return lambda event: progress(replace(event, id=name))
