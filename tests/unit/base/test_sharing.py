import asyncio

import pytest

from seaway.base.sharing import SharedWork


class Work:
    def __init__(self) -> None:
        self.begun, self.ended, self.may_end = 0, 0, asyncio.Event()

    async def run(self) -> int:
        self.begun += 1
        try:
            await self.may_end.wait()
            return self.begun
        finally:
            self.ended += 1


async def test_done_once_for_all_who_ask_meanwhile() -> None:
    shared, work = SharedWork[int](), Work()
    async with asyncio.TaskGroup() as group:
        asking = [group.create_task(shared.join("a", work.run)) for _ in range(3)]
        other = group.create_task(shared.join("b", work.run))
        await asyncio.sleep(0)
        work.may_end.set()
    assert [task.result() for task in asking] == [asking[0].result()] * 3
    assert (work.begun, other.done()) == (2, True)
    assert await shared.join("a", work.run) == 3


async def test_one_who_leaves_takes_nothing_from_the_others() -> None:
    shared, work = SharedWork[int](), Work()
    first, second = (asyncio.ensure_future(shared.join("a", work.run)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    work.may_end.set()
    assert await second == 1


async def test_without_anybody_it_ends() -> None:
    shared, work = SharedWork[int](), Work()
    only = asyncio.ensure_future(shared.join("a", work.run))
    while not work.begun:
        await asyncio.sleep(0)
    only.cancel()
    with pytest.raises(asyncio.CancelledError):
        await only
    while not work.ended:
        await asyncio.sleep(0)
    assert work.begun == 1


async def test_a_failure_reaches_everybody() -> None:
    async def fail() -> int:
        raise ValueError("no")

    shared = SharedWork[int]()
    results = await asyncio.gather(*(shared.join("a", fail) for _ in range(2)), return_exceptions=True)
    assert [str(each) for each in results] == ["no", "no"]
