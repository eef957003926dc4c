"""The size of a container's or an exec's terminal."""

import asyncio

from seaway.base.errors import Conflict, InvalidParameter, SystemFailure
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.exec import executable

START_LIMIT_S = 10


def resize_container(engine: Engine, name: str, height: int, width: int) -> None:
    container = engine.containers.find(name)
    run = engine.runs.request(container.id)
    if run is None or not container.task.is_running:
        raise Conflict(f"container {container.id} is not running")
    engine.runtime.resize(run.run_dir, height, width)
    container_event(engine, container, "resize", height=str(height), width=str(width))


async def resize_exec(engine: Engine, exec_id: str, height: int, width: int) -> None:
    """A terminal's client may ask before its process runs: it waits then."""
    executable(engine, exec_id)
    try:
        async with asyncio.timeout(START_LIMIT_S):
            await engine.execs.begun(exec_id)
    except TimeoutError:
        raise SystemFailure("timeout waiting for exec session ready") from None
    execution = engine.execs.get(exec_id)
    if not execution.pid:
        raise InvalidParameter("exec process is not started")
    engine.runtime.execs.resize(exec_id, height, width)
