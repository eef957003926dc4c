"""conmons of execs that were created and not started yet: most are within milliseconds, theirs runs by then."""

import asyncio
import shutil

from seaway.base.errors import EngineError
from seaway.kernel.worker import run_blocking
from seaway.runtime import conmon

READY_FOR_S = 2.0


class _Ready:
    """One of them, from its creation until it is `taken` or `gone`."""

    def __init__(self) -> None:
        self.begun: asyncio.Future[conmon.Begun | None] = asyncio.get_running_loop().create_future()
        self.settled = asyncio.Event()  # taken, or not wanted any more
        self.taken, self.leaving, self.gone = False, False, asyncio.Event()


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
            async with asyncio.timeout(READY_FOR_S):
                await ready.settled.wait()
        except (EngineError, OSError):
            pass  # TimeoutError is one; where conmon failed, the start begins another, and says what is wrong
        finally:
            if not ready.begun.done():
                ready.begun.set_result(None)
            if not ready.taken:
                ready.leaving = True
                await self._drop(launch, ready.begun.result())
            del self._ready[launch.process_id]
            ready.gone.set()

    async def take(self, exec_id: str) -> conmon.Begun | None:
        """None where there is none, and nothing of it either."""
        ready = self._ready.get(exec_id)
        if ready is None:
            return None
        if ready.leaving:
            await ready.gone.wait()
            return None
        ready.taken = True
        ready.settled.set()
        return await asyncio.shield(ready.begun)

    def drop(self, exec_id: str) -> None:
        if ready := self._ready.get(exec_id):
            ready.settled.set()

    @staticmethod
    async def _drop(launch: conmon.Launch, begun: conmon.Begun | None) -> None:
        if begun:
            begun.end()
        await run_blocking(shutil.rmtree, launch.directory.path, True)
