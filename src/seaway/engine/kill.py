"""`POST /containers/{id}/kill`, `/stop` and `/restart`."""

import asyncio
import signal

import msgspec

from seaway.base.errors import Conflict, EngineError, NotModified
from seaway.base.signals import parse_signal
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine import start
from seaway.engine.context import Engine
from seaway.engine.events import container_event

DEFAULT_STOP_TIMEOUT_S = 10
KILL_WAIT_S = 10.0


async def kill_container(engine: Engine, name: str, signal_name: str = "SIGKILL") -> None:
    number = parse_signal(signal_name or "SIGKILL")
    container = engine.containers.find(name)
    if not container.task.is_running or container.task.status is Status.RESTARTING:
        raise Conflict(f"cannot kill container: {name}: container {container.id} is not running")
    exit_of_run = engine.runs.next_exit(container.id)
    await _send(engine, container, number)
    if number == signal.SIGKILL:
        async with asyncio.timeout(KILL_WAIT_S):
            await exit_of_run


async def stop_container(engine: Engine, name: str, timeout_s: int | None = None, signal_name: str = "") -> None:
    """`timeout_s` -1 waits for ever. Raises NotModified where nothing runs."""
    container = engine.containers.find(name)
    if container.task.status is Status.RESTARTING:
        await _cancel_restart(engine, container)
        return
    if not container.task.is_running:
        raise NotModified("container is already stopped")
    await _stop_running(engine, container, timeout_s, signal_name)
    container_event(engine, container, "stop")


async def restart_container(engine: Engine, name: str, timeout_s: int | None = None, signal_name: str = "") -> None:
    container = engine.containers.find(name)
    if container.task.is_running:
        try:
            await stop_container(engine, container.id, timeout_s, signal_name)
        except NotModified:
            pass  # it ended by itself just now
    await start.start_container(engine, container.id)
    container_event(engine, container, "restart")


async def _stop_running(engine: Engine, container: Container, timeout_s: int | None, signal_name: str) -> None:
    number = parse_signal(signal_name or container.config.stop_signal or "SIGTERM")
    exit_of_run = engine.runs.next_exit(container.id)
    await _send(engine, container, number)
    seconds = stop_timeout_s(container) if timeout_s is None else timeout_s
    try:
        async with asyncio.timeout(None if seconds < 0 else seconds):
            await asyncio.shield(exit_of_run)
    except TimeoutError:
        await _send(engine, container, signal.SIGKILL)
        async with asyncio.timeout(KILL_WAIT_S):
            await exit_of_run


def stop_timeout_s(container: Container) -> int:
    own = container.config.stop_timeout
    return own if isinstance(own, int) else DEFAULT_STOP_TIMEOUT_S


async def _send(engine: Engine, container: Container, number: int) -> None:
    """Any signal through us marks the container as stopped by the user, before the process can end of it."""
    await engine.containers.update(container.id, lambda c: msgspec.structs.replace(c, stopped_by_user=True))
    try:
        await engine.runtime.kill(container.id, number, container.host_config.runtime or engine.default_runtime)
    except EngineError:
        if engine.runs.request(container.id):
            raise
        return  # it ended by itself just now
    container_event(engine, container, "kill", signal=str(number))


async def _cancel_restart(engine: Engine, container: Container) -> None:
    async with engine.locks.hold(container.id):
        if engine.containers.get(container.id).task.status is Status.RESTARTING:
            await engine.containers.update(container.id, _stopped)


def _stopped(container: Container) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved("exit"), stopped_by_user=True)
