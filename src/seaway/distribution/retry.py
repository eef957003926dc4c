"""Another attempt, as dockerd makes it: the n-th waits n times as long as the first, and says so every second.

A registry that says how long to wait (Retry-After) is taken at its word; one that says "tomorrow" is given up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from seaway.distribution.errors import RegistryFailure, RegistryUnreachable
from seaway.distribution.progress import Progress, ProgressSink

PATIENCE_S = 300
TOLD_ATTEMPTS = 5
T = TypeVar("T")


async def repeated(
    attempt: Callable[[], Awaitable[T]], attempts: int, delay_s: int, short: str, progress: ProgressSink
) -> T:
    """What may go better next time is tried again; what a registry refused is not."""
    for number in range(1, attempts):
        try:
            return await attempt()
        except (RegistryUnreachable, RegistryFailure) as failure:
            wanted = _told_s(failure)
            await _count_down(failure, short, number * delay_s if wanted is None else wanted, progress)
    return await attempt()


async def repeated_when_told(attempt: Callable[[], Awaitable[T]], short: str, progress: ProgressSink) -> T:
    """Only what the registry asks to be asked again, and when."""
    for _ in range(1, TOLD_ATTEMPTS):
        try:
            return await attempt()
        except RegistryFailure as failure:
            if (wanted := _told_s(failure)) is None:
                raise
            await _count_down(failure, short, wanted, progress)
    return await attempt()


def _told_s(failure: RegistryUnreachable | RegistryFailure) -> int | None:
    return failure.retry_after_s if isinstance(failure, RegistryFailure) else None


async def _count_down(failure: Exception, short: str, seconds: int, progress: ProgressSink) -> None:
    if seconds > PATIENCE_S:
        raise failure
    for left in range(seconds, 0, -1):
        progress(Progress(short, f"Retrying in {left} second{'' if left == 1 else 's'}"))
        await asyncio.sleep(1)
