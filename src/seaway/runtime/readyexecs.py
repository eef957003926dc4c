"""conmons of execs that were created and not started yet: most are within milliseconds, theirs runs by then."""

import asyncio
import shutil

from seaway.base.errors import EngineError
from seaway.kernel.worker import run_blocking
from seaway.runtime import conmon

READY_FOR_S = 2.0


class ReadyExecs:
    def __init__(self, conmon_path: str) -> None:
        self._conmon_path = conmon_path
        self._ready: dict[str, asyncio.Future[conmon.Begun | None]] = {}

    async def keep(self, launch: conmon.Launch) -> None:
        """Until somebody takes it, or nobody did for a while: then it goes, and a later start begins another."""
        begun = self._ready[launch.process_id] = asyncio.get_running_loop().create_future()
        try:
            launch.directory.make()
            begun.set_result(await conmon.begin(self._conmon_path, launch))
            await asyncio.sleep(READY_FOR_S)
        except (EngineError, OSError):
            pass  # the start begins another, and says what is wrong
        finally:
            untaken = self._ready.pop(launch.process_id, None)
            if not begun.done():
                begun.set_result(None)
            if untaken:
                await self._drop(launch, begun.result())

    async def take(self, exec_id: str) -> conmon.Begun | None:
        begun = self._ready.pop(exec_id, None)
        return await asyncio.shield(begun) if begun else None

    @staticmethod
    async def _drop(launch: conmon.Launch, begun: conmon.Begun | None) -> None:
        if begun:
            begun.end()
        await run_blocking(shutil.rmtree, launch.directory.path, True)
