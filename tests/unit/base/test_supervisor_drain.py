"""What the engine's end waits for."""

import asyncio

from seaway.base.supervisor import Supervisor


async def test_what_is_begun_while_it_waits_is_waited_for_too() -> None:
    supervisor, done = Supervisor(), []

    async def second() -> None:
        await asyncio.sleep(0.01)
        done.append("second")

    async def first() -> None:
        await asyncio.sleep(0.01)
        supervisor.spawn(second(), "second")
        done.append("first")

    supervisor.spawn(first(), "first")
    await supervisor.drain(20)
    assert done == ["first", "second"]
    await supervisor.close()


async def test_it_waits_no_longer_than_it_is_told() -> None:
    supervisor = Supervisor()
    never = supervisor.spawn(asyncio.sleep(1000), "never")
    await supervisor.drain(0.01)
    assert not never.done()
    await supervisor.close()
    assert never.cancelled()
