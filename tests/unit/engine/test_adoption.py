import asyncio

import pytest

from seaway.engine import adoption
from seaway.engine.adoption import Adoption


async def test_one_that_hangs_holds_up_who_asks_for_it_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    hung, mine = asyncio.Event(), Adoption()
    early = asyncio.create_task(mine.of("quick"))
    await asyncio.sleep(0)
    assert not early.done()  # nobody knows yet what runs
    mine.begin({"hung": asyncio.create_task(_wait(hung)), "quick": asyncio.create_task(asyncio.sleep(0))})
    await early
    await mine.of("another")
    late = asyncio.create_task(mine.of("hung"))
    monkeypatch.setattr(adoption, "ALL_WITHIN_S", 0.01)
    assert not await mine.of_all()
    assert not late.done()
    hung.set()
    await late
    assert await mine.of_all()


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def test_nothing_to_adopt() -> None:
    mine = Adoption()
    mine.begin({})
    assert await mine.of_all()
