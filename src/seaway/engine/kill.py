"""`POST /containers/{id}/kill` and `/stop`.

Any signal marks the container as stopped by the user; one that is meant to end it (SIGKILL, its StopSignal, or any
where it has none) also cancels its restart policy and thaws it where it is paused (inventory, corrections 6).
"""

import asyncio
import signal

import msgspec

from seaway.base.errors import Conflict, EngineError, NotModified, SystemFailure, with_prefix
from seaway.base.signals import parse_signal
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.pause import thaw
from seaway.kernel.pidfd import PidFd
from seaway.runtime.errors import ProcessGone, RuntimeHangs
from seaway.runtime.exits import Exit

DEFAULT_STOP_TIMEOUT_S = 10
KILL_WAIT_S, LAST_WAIT_S = 10.0, 2.0


class NotRunning(Conflict):
    def __init__(self, container_id: str) -> None:
        super().__init__(f"container {container_id} is not running")


async def kill_container(engine: Engine, name: str, signal_name: str = "") -> None:
    """SIGKILL, the default, returns when the container has ended; any other when it is sent."""
    try:
        number = parse_signal(signal_name or "SIGKILL")
        container = await settled(engine, engine.containers.find(name).id)
        if number == signal.SIGKILL:
            await kill_and_wait(engine, container)
        else:
            await _signal(engine, container, number)
    except EngineError as failure:
        raise with_prefix(f"cannot kill container: {name}: ", failure) from failure


async def stop_container(engine: Engine, name: str, timeout_s: int | None = None, signal_name: str = "") -> None:
    """`timeout_s` -1 waits for ever. Raises NotModified where nothing runs."""
    container = await settled(engine, engine.containers.find(name).id)
    number = parse_signal(signal_name or container.config.stop_signal or "SIGTERM")
    if not container.task.is_running:
        raise NotModified("container is already stopped")
    try:
        await _stop(engine, container, number, stop_timeout_s(container) if timeout_s is None else timeout_s)
    except NotRunning:
        pass  # it ended by itself just now
    except EngineError as failure:
        raise SystemFailure(f"cannot stop container: {name}: {failure}") from failure
    container_event(engine, container, "stop")


async def settled(engine: Engine, container_id: str) -> Container:
    """The container, when a start that is under way has come to its end: a stop meant that one."""
    container = engine.containers.get(container_id)
    if not container.task.is_running and engine.locks.is_held(container_id):
        async with engine.locks.hold(container_id):
            return engine.containers.get(container_id)
    return container


async def kill_and_wait(engine: Engine, container: Container) -> None:
    """Past the runtime where that one hangs. Raises NotRunning; SystemFailure where not even the kernel can end it."""
    exit_of_run = engine.runs.next_exit(container.id)
    try:
        if await _ends_of(engine, container, signal.SIGKILL, exit_of_run, KILL_WAIT_S):
            return
        _kill_directly(engine.containers.get(container.id).task.pid)
        done, _ = await asyncio.wait([exit_of_run], timeout=LAST_WAIT_S)
        if not done:
            raise SystemFailure("tried to kill container, but did not receive an exit event")
    finally:
        exit_of_run.cancel()


async def _stop(engine: Engine, container: Container, number: int, seconds: int) -> None:
    # The client may have chosen a signal that is not the container's own, but no restart follows a stop.
    engine.restarts.cancel(container.id)
    exit_of_run = engine.runs.next_exit(container.id)
    try:
        if not await _ends_of(engine, container, number, exit_of_run, None if seconds < 0 else seconds):
            await kill_and_wait(engine, container)
    finally:
        exit_of_run.cancel()


async def _ends_of(
    engine: Engine, container: Container, number: int, exit_of_run: "asyncio.Future[Exit]", seconds: float | None
) -> bool:
    """Whether the signal ends the container in time; a runtime that hangs sends none."""
    try:
        await _signal(engine, container, number)
    except RuntimeHangs:
        return exit_of_run.done()
    done, _ = await asyncio.wait([exit_of_run], timeout=seconds)
    return bool(done)


def stop_timeout_s(container: Container) -> int:
    own = container.config.stop_timeout
    return own if isinstance(own, int) else DEFAULT_STOP_TIMEOUT_S


async def _signal(engine: Engine, container: Container, number: int) -> None:
    """The record is marked before the process can end of it."""
    if not container.task.is_running:
        raise NotRunning(container.id)
    is_final = number in (signal.SIGKILL, _stop_signal(container) or number)
    await engine.containers.update(container.id, _stopped_by_user)
    if is_final:
        engine.restarts.cancel(container.id)
    container = await _without_restart(engine, container) if is_final else engine.containers.get(container.id)
    if container.task.status not in (Status.RUNNING, Status.PAUSED):
        return
    try:
        await engine.runtime.kill(container.id, number, container.host_config.runtime or engine.default_runtime)
    except ProcessGone:
        return  # it ended by itself just now
    container_event(engine, container, "kill", signal=str(int(number)))
    if is_final and engine.containers.get(container.id).task.status is Status.PAUSED:
        await thaw(engine, container)


def _stop_signal(container: Container) -> int | None:
    """What the container ends of; None, every signal, where nobody said."""
    return parse_signal(container.config.stop_signal) if container.config.stop_signal else None


def _stopped_by_user(container: Container) -> Container:
    return msgspec.structs.replace(container, stopped_by_user=True)


async def _without_restart(engine: Engine, container: Container) -> Container:
    """The container as it is when no restart is awaited any more: ended, or running where the start was under way."""
    container = engine.containers.get(container.id)
    if container.task.status is Status.RESTARTING:
        async with engine.locks.hold(container.id):
            container = engine.containers.get(container.id)
            if container.task.status is Status.RESTARTING:
                container = await engine.containers.update(container.id, _stays_down)
                engine.runs.stays_down(container.id)
    return container


def _stays_down(container: Container) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved("exit"))


def _kill_directly(pid: int) -> None:
    """Past the runtime, which may be what hangs."""
    try:
        process = PidFd(pid)
    except (ProcessLookupError, ValueError, OSError):
        return
    try:
        process.send_signal(signal.SIGKILL)
    except ProcessLookupError:
        pass  # its exit is on its way
    finally:
        process.close()
