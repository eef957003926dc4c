"""A graceful end: every running container is stopped in parallel, none is marked as stopped by the user."""

import asyncio
import logging
import signal

from seaway.base.errors import EngineError
from seaway.base.signals import parse_signal
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.kill import stop_timeout_s

log = logging.getLogger(__name__)


async def stop_all(engine: Engine, timeout_s: int) -> None:
    """No longer than the longest stop timeout and five seconds, or `timeout_s` if that is more; -1: for ever."""
    engine.runs.halt()
    running = [c for c in engine.containers.all() if c.task.status in (Status.RUNNING, Status.PAUSED)]
    if not running:
        return
    limit = None if timeout_s < 0 else max([timeout_s, *(stop_timeout_s(c) + 5 for c in running)])
    try:
        async with asyncio.timeout(limit), asyncio.TaskGroup() as group:
            for container in running:
                group.create_task(_stop(engine, container))
    except TimeoutError:
        log.error("Force shutdown daemon")


async def _stop(engine: Engine, container: Container) -> None:
    runtime = container.host_config.runtime or engine.default_runtime
    exit_of_run = engine.runs.next_exit(container.id)
    try:
        await engine.runtime.kill(container.id, parse_signal(container.config.stop_signal or "SIGTERM"), runtime)
        async with asyncio.timeout(stop_timeout_s(container)):
            await asyncio.shield(exit_of_run)
    except TimeoutError:
        await engine.runtime.kill(container.id, signal.SIGKILL, runtime)
        await exit_of_run
    except EngineError as failure:
        log.error("failed to stop container %s: %s", container.id, failure)
