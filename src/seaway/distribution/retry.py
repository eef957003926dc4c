"""Another attempt, as dockerd makes it: the n-th waits n times as long as the first, and says so every second."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from seaway.distribution.errors import RegistryFailure, RegistryUnreachable
from seaway.distribution.progress import Progress, ProgressSink

T = TypeVar("T")


async def repeated(
    attempt: Callable[[], Awaitable[T]], attempts: int, delay_s: int, short: str, progress: ProgressSink
) -> T:
    """What may go better next time is tried again; what a registry refused is not."""
    for number in range(1, attempts):
        try:
            return await attempt()
        except (RegistryUnreachable, RegistryFailure):
            await _count_down(short, number * delay_s, progress)
    return await attempt()


async def _count_down(short: str, seconds: int, progress: ProgressSink) -> None:
    for left in range(seconds, 0, -1):
        progress(Progress(short, f"Retrying in {left} second{'' if left == 1 else 's'}"))
        await asyncio.sleep(1)
