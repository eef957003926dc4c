import asyncio
import gc
import os
import threading
from typing import Any

import pytest

from seaway.engine.tarpipes import reading_tar


async def test_who_leaves_twice_leaves_no_complaint() -> None:
    """A client that goes cancels its request; the end of the engine may cancel it once more, before the writer ends."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: complaints.append(context))
    inside, left = asyncio.Event(), threading.Event()

    def write(out: int) -> None:
        os.close(out)
        left.wait(10)
        raise BrokenPipeError

    async def leave() -> None:
        async with reading_tar(write):
            inside.set()
            await asyncio.sleep(3600)

    task = asyncio.ensure_future(leave())
    await inside.wait()
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0.05)
    with pytest.raises(asyncio.CancelledError):
        await task
    del task
    left.set()
    await asyncio.sleep(0.1)
    gc.collect()
    assert complaints == []
