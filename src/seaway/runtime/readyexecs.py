"""conmons of execs that were created and not started yet: most are within milliseconds, theirs runs by then."""

import asyncio
import shutil

from seaway.base.errors import EngineError
from seaway.kernel.worker import run_blocking
from seaway.runtime import conmon

READY_FOR_S = 2.0


class _Ready:
    """`gone` is there while it is cleared away, and set when nothing of it is left."""

    def __init__(self) -> None:
        self.begun: asyncio.Future[conmon.Begun | None] = asyncio.get_running_loop().create_future()
        self.gone: asyncio.Event | None = None


class ReadyExecs:
    def __init__(self, conmon_path: str) -> None:
        self._conmon_path = conmon_path
        self._ready: dict[str, _Ready] = {}

    async def keep(self, launch: conmon.Launch) -> None:
        """Until somebody takes it, or nobody did for a while: then it goes, and a later start begins another."""
        ready = self._ready[launch.process_id] = _Ready()
        try:
            launch.directory.make()
            ready.begun.set_result(await conmon.begin(self._conmon_path, launch))
            await asyncio.sleep(READY_FOR_S)
        except (EngineError, OSError):
            pass  # the start begins another, and says what is wrong
        finally:
            if not ready.begun.done():
                ready.begun.set_result(None)
            if self._ready.get(launch.process_id) is ready:
                ready.gone = asyncio.Event()
                await self._drop(launch, ready.begun.result())
                del self._ready[launch.process_id]
                ready.gone.set()

    async def take(self, exec_id: str) -> conmon.Begun | None:
        """None where there is none, and nothing of it either."""
        ready = self._ready.get(exec_id)
        if ready is None:
            return None
        if ready.gone:
            await ready.gone.wait()
            return None
        del self._ready[exec_id]
        return await asyncio.shield(ready.begun)

    @staticmethod
    async def _drop(launch: conmon.Launch, begun: conmon.Begun | None) -> None:
        if begun:
            begun.end()
        await run_blocking(shutil.rmtree, launch.directory.path, True)
