import asyncio

import pytest

from seaway.base.together import together


async def test_both_run_at_the_same_time() -> None:
    met = asyncio.Barrier(2)

    async def meet(answer: str) -> str:
        await met.wait()
        return answer

    async with asyncio.timeout(5):
        assert await together(meet("one"), meet("two")) == ("one", "two")


async def test_a_failure_ends_the_other_and_is_raised_as_itself() -> None:
    ended = asyncio.Event()

    async def fail() -> None:
        raise ValueError("wrong")

    async def wait_for_ever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    for works in ((fail(), wait_for_ever()), (wait_for_ever(), fail())):
        ended.clear()
        with pytest.raises(ValueError, match="wrong"):
            await together(*works)
        assert ended.is_set()
