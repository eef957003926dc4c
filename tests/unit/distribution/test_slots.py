import asyncio

import pytest

from seaway.distribution.slots import Slots


class Transfers:
    """Each holds a slot until it is told to end."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.running: list[int] = []
        self.ends: dict[int, asyncio.Event] = {}
        self.tasks: dict[int, asyncio.Task[None]] = {}

    async def begin(self, *numbers: int) -> None:
        for number in numbers:
            self.ends[number] = asyncio.Event()
            self.tasks[number] = asyncio.ensure_future(self._run(number))
        await turns()

    async def end(self, number: int) -> None:
        self.ends[number].set()
        await self.tasks[number]
        await turns()

    async def cancel(self, number: int) -> None:
        self.tasks[number].cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.tasks[number]
        await turns()

    async def _run(self, number: int) -> None:
        async with self.slots.one():
            self.running.append(number)
            try:
                await self.ends[number].wait()
            finally:
                self.running.remove(number)


async def turns() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_in_the_order_in_which_they_came() -> None:
    transfers = Transfers(Slots(2))
    await transfers.begin(1, 2, 3, 4)
    assert transfers.running == [1, 2]
    assert transfers.slots.are_taken()
    await transfers.end(2)
    assert transfers.running == [1, 3]
    await transfers.end(1)
    assert transfers.running == [3, 4]
    await transfers.end(3)
    assert not transfers.slots.are_taken()
    await transfers.end(4)


async def test_a_greater_limit_lets_in_who_waits_and_a_smaller_one_counts_who_is_in() -> None:
    transfers = Transfers(Slots(1))
    await transfers.begin(1, 2, 3, 4)
    transfers.slots.resize(3)
    await turns()
    assert transfers.running == [1, 2, 3]
    transfers.slots.resize(1)
    await transfers.end(1)
    await transfers.end(2)
    assert transfers.running == [3]
    await transfers.end(3)
    assert transfers.running == [4]
    await transfers.end(4)


async def test_no_limit() -> None:
    transfers = Transfers(Slots(0))
    await transfers.begin(*range(100))
    assert len(transfers.running) == 100
    assert not transfers.slots.are_taken()
    for number in range(100):
        await transfers.end(number)


async def test_who_is_cancelled_holds_no_slot() -> None:
    transfers = Transfers(Slots(1))
    await transfers.begin(1, 2, 3)
    await transfers.cancel(2)
    await transfers.end(1)
    assert transfers.running == [3]
    await transfers.cancel(3)
    await transfers.begin(4)
    assert transfers.running == [4]
    await transfers.end(4)


async def test_who_is_cancelled_in_the_moment_of_its_turn_passes_it_on() -> None:
    transfers = Transfers(Slots(1))
    await transfers.begin(1, 2, 3)
    transfers.slots.resize(2)
    await transfers.cancel(2)
    assert transfers.running == [1, 3]
    await transfers.end(1)
    await transfers.end(3)
    assert not transfers.slots.are_taken()
