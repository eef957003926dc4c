"""Blocking calls (mounts, fsync, hashing) run in bounded threads: the event loop never waits for a disk."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

THREADS = 32
_pool = ThreadPoolExecutor(THREADS, thread_name_prefix="worker")


async def run_blocking(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Who is cancelled waits for the thread's end: the files that it works with must not be closed under it, for the
    next file gets their numbers."""
    job = _pool.submit(partial(fn, *args, **kwargs))
    try:
        return await asyncio.wrap_future(job)
    except asyncio.CancelledError:
        while not job.done():
            try:
                await _ended(job)
            except asyncio.CancelledError:
                continue
        raise


async def release(fn: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
    """`run_blocking` for what gives something back: who is cancelled goes at once, and it is done all the same."""
    await asyncio.shield(asyncio.wrap_future(_pool.submit(partial(fn, *args, **kwargs))))


async def _ended(job: "Future[Any]") -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    job.add_done_callback(lambda _: loop.call_soon_threadsafe(ended.set))
    await ended.wait()


def apart(fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> "asyncio.Future[T]":
    """In a thread of its own: for work whose length a client decides, which must not hold one of the few. To cancel the
    future does not end the thread; who leaves early sees to it that `fn` ends, and waits with `asyncio.wait`."""
    loop = asyncio.get_running_loop()
    result: asyncio.Future[T] = loop.create_future()

    def settle(how: Callable[[Any], None], outcome: Any) -> None:
        if not result.done():  # nobody waits any more
            how(outcome)

    def work() -> None:
        try:
            value = fn(*args, **kwargs)
        except BaseException as exc:
            loop.call_soon_threadsafe(settle, result.set_exception, exc)
        else:
            loop.call_soon_threadsafe(settle, result.set_result, value)

    threading.Thread(target=work, name=getattr(fn, "__name__", "worker"), daemon=True).start()
    return result
