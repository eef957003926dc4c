"""Blocking calls (mounts, fsync, hashing) run in bounded threads: the event loop never waits for a disk."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 32
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="worker")


async def run_blocking(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    return await asyncio.get_running_loop().run_in_executor(_pool, partial(fn, *args, **kwargs))
