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
from seaway.engine.pause import thaw

log = logging.getLogger(__name__)
AFTER_S = 5


async def stop_all(engine: Engine, timeout_s: int) -> None:
    """No longer than the longest stop timeout and five seconds, or `timeout_s` if that is more; -1: for ever."""
    engine.runs.halt()
    containers = engine.containers.all()
    for waiting in (c for c in containers if c.task.status is Status.RESTARTING):
        engine.restarts.cancel(waiting.id)
    running = [c for c in containers if c.task.status in (Status.RUNNING, Status.PAUSED)]
    if not running:
        return
    try:
        async with asyncio.timeout(shutdown_limit_s(running, timeout_s)), asyncio.TaskGroup() as group:
            for container in running:
                group.create_task(_stop(engine, container))
    except TimeoutError:
        log.error("Force shutdown daemon")


def shutdown_limit_s(running: list[Container], timeout_s: int) -> int | None:
    """dockerd's: one container that may take for ever, or a `timeout_s` that says so, makes the end wait for ever."""
    own = [stop_timeout_s(c) for c in running]
    if timeout_s < 0 or min(own, default=0) < 0:
        return None
    return max([timeout_s, *(seconds + AFTER_S for seconds in own)])


async def _stop(engine: Engine, container: Container) -> None:
    number = parse_signal(container.config.stop_signal or "SIGTERM")
    exit_of_run = engine.runs.next_exit(container.id)
    try:
        await engine.runtime.kill(container.id, number, container.host_config.runtime or engine.default_runtime)
        await thaw(engine, container)
        seconds = stop_timeout_s(container)
        done, _ = await asyncio.wait([exit_of_run], timeout=None if seconds < 0 else seconds)
        if not done:
            text = "Container %s failed to exit within %ds of signal %d - using the force"
            log.info(text, container.id, seconds, number)
            await _kill(engine, container)
    except EngineError as failure:
        if engine.runs.request(container.id):
            log.error("failed to stop container %s: %s", container.id, failure)


async def _kill(engine: Engine, container: Container) -> None:
    exit_of_run = engine.runs.next_exit(container.id)
    await engine.runtime.kill(container.id, signal.SIGKILL, container.host_config.runtime or engine.default_runtime)
    await exit_of_run
