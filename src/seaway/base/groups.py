"""Tasks that stand or fall together, for callers that want to know why, not how many."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def plain_failures() -> AsyncIterator[None]:
    """Around a TaskGroup: its first failure, instead of the group."""
    try:
        yield
    except BaseExceptionGroup as group:
        failure: BaseException = group
        while isinstance(failure, BaseExceptionGroup):
            failure = failure.exceptions[0]
        raise failure from group
