"""What is cleared away behind a container's back: its process's traces, its mount, its layer.

Nobody's answer waits for it. The work of one container is done in its order; whoever needs the same things again,
a next start, awaits it first.
"""

import asyncio
import logging
import shutil
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from seaway.base.errors import EngineError
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.kernel import files, worker

log = logging.getLogger(__name__)


def clear_run(engine: Engine, container: Container) -> None:
    """The run has ended and its record says so."""
    _behind(engine, container.id, _clear_run(engine, container))


def clear_container(engine: Engine, container_id: str, directory: Path | None) -> None:
    """The container is removed; `directory` is its own, out of sight already."""
    _behind(engine, container_id, _clear_container(engine, container_id, directory))


async def cleared(engine: Engine, container_id: str) -> None:
    """Nothing of the last run is left when this returns."""
    if pending := engine.aftermaths.get(container_id):
        await asyncio.wait([pending])


def _behind(engine: Engine, container_id: str, work: Coroutine[Any, Any, None]) -> None:
    pending = engine.aftermaths.get(container_id)
    task = engine.supervisor.spawn(_after(pending, work), f"aftermath of {container_id[:12]}")
    engine.aftermaths[container_id] = task

    def forget(_done: "asyncio.Task[None]") -> None:
        if engine.aftermaths.get(container_id) is task:
            del engine.aftermaths[container_id]

    task.add_done_callback(forget)


async def _after(pending: "asyncio.Task[None] | None", work: Coroutine[Any, Any, None]) -> None:
    if pending:
        await asyncio.wait([pending])
    try:
        await work
    except (EngineError, OSError) as failure:
        log.error("failed to clean up: %s", failure)


async def _clear_run(engine: Engine, container: Container) -> None:
    """Every step is done, whatever the others say; the first failure is raised at the end. Where the engine ends in the
    midst of it, all is left to the next one, which knows the run by its directory."""
    runtime = container.host_config.runtime or engine.default_runtime
    async with AsyncExitStack() as steps:
        steps.push_async_callback(
            worker.run_blocking, shutil.rmtree, engine.run_root / container.id, ignore_errors=True
        )
        steps.push_async_callback(engine.layers.unmount, container.id)
        try:
            await engine.runtime.delete(container.id, runtime, force=True)
        except asyncio.CancelledError:
            steps.pop_all()
            raise
        failpoint("exit: process deleted")


async def _clear_container(engine: Engine, container_id: str, directory: Path | None) -> None:
    await engine.layers.remove_rw(container_id)
    failpoint("remove: layer gone")
    if directory:
        await worker.run_blocking(files.remove, directory)
