import asyncio
import threading

import pytest

from seaway.kernel.worker import THREADS, release, run_blocking


async def test_who_is_cancelled_waits_for_the_thread() -> None:
    entered, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        entered.set()
        may_end.wait()
        ended.set()

    task = asyncio.ensure_future(run_blocking(work))
    await run_blocking(entered.wait)
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
    assert not task.done()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_a_failure_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        await run_blocking(lambda: 1 // 0)


async def test_what_is_given_back_is_given_back_though_nobody_waits_and_no_thread_is_free() -> None:
    may_end, released = threading.Event(), threading.Event()
    busy = [asyncio.ensure_future(run_blocking(may_end.wait)) for _ in range(THREADS)]
    task = asyncio.ensure_future(release(released.set))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not released.is_set()
    may_end.set()
    await asyncio.gather(*busy)
    assert await asyncio.to_thread(released.wait, 20)
