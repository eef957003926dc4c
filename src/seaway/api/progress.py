"""A long piece of work that reports as it goes: JSON lines in a 200, or an ordinary error before the first line.

The client that goes away cancels the work. What the work says is queued, so that a slow client never slows it down.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from seaway.api.respond import JsonStream
from seaway.base.errors import EngineError

Emit = Callable[[dict[str, Any]], None]


async def stream_progress(
    request: web.BaseRequest, work: Callable[[Emit], Awaitable[object]], *, always_ok: bool = False
) -> web.StreamResponse:
    """With `always_ok`, a failure before the first line is a line too, and not a status."""
    lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
    reply = JsonStream(request, b"\r\n")
    doing = asyncio.ensure_future(work(lines.put_nowait))
    doing.add_done_callback(lambda _done: lines.put_nowait(None))
    try:
        while (line := await lines.get()) is not None:
            await reply.send(line)
        await doing
    except EngineError as failure:
        if not (reply.started or always_ok):
            raise
        await reply.send({"errorDetail": {"message": str(failure)}, "error": str(failure)})
    finally:
        doing.cancel()
    return await reply.finish()
