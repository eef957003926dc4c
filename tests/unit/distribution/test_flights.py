import asyncio

import pytest

from seaway.distribution.flights import Flights
from seaway.distribution.progress import Progress, ProgressSink, silent


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class Work:
    def __init__(self) -> None:
        self.begun = 0
        self.may_end = asyncio.Event()
        self.fails: list[Exception] = []

    async def do(self, progress: ProgressSink) -> None:
        self.begun += 1
        progress(Progress("x", "Downloading"))
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails.pop()
        await self.may_end.wait()


async def test_one_does_it_and_the_others_hear() -> None:
    flights, work, heard = Flights(), Work(), list[Progress]()
    first = asyncio.create_task(flights.share("key", work.do, silent))
    await settled()
    second = asyncio.create_task(flights.share("key", work.do, heard.append))
    await settled()
    assert heard == [Progress("x", "Downloading")]
    work.may_end.set()
    assert (await first, await second, work.begun) == (True, False, 1)


async def test_a_failure_is_the_leaders_and_the_next_one_tries() -> None:
    flights, work = Flights(), Work()
    work.fails = [RuntimeError("mine")]
    first, second, third = (asyncio.create_task(flights.share("key", work.do, silent)) for _ in range(3))
    with pytest.raises(RuntimeError, match="mine"):
        await first
    await settled()
    work.may_end.set()
    assert sorted([await second, await third]) == [False, True]
    assert work.begun == 2


async def test_who_leaves_ends_nobody_elses() -> None:
    flights, work = Flights(), Work()
    tasks = [asyncio.create_task(flights.share("key", work.do, silent)) for _ in range(3)]
    await settled()
    tasks[1].cancel()
    await settled()
    assert work.begun == 1
    tasks[0].cancel()
    await settled()
    assert work.begun == 2
    work.may_end.set()
    assert await tasks[2]
