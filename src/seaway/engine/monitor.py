"""From a run's end to what comes next: the record, the event, the teardown, and perhaps another start.

Answer first, clean up behind: those who wait for the exit hear of it before the namespace and the mount are gone;
the next start of the container awaits that teardown through the container's lock.
"""

import asyncio
from contextlib import AsyncExitStack

import msgspec

from seaway.base import clock
from seaway.base.errors import EngineError, NotFound
from seaway.containers.container import Container
from seaway.containers.restart import Ending, plan_restart
from seaway.containers.task import Status
from seaway.engine import remove, start
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.runtime.exits import Exit


async def watch(
    engine: Engine, container_id: str, exit_of_run: "asyncio.Future[Exit]", last_delay_s: float = 0
) -> None:
    """Follow one run to its end; begun once per run, and again on adoption."""
    how = await exit_of_run
    async with engine.locks.hold(container_id):
        delay_s = await _record(engine, container_id, how, last_delay_s)
        await teardown(engine, container_id)
    container = engine.containers.get(container_id)
    if delay_s is not None:
        await _restart_after(engine, container_id, delay_s)
    elif container.host_config.auto_remove:
        await remove.remove_container(engine, container_id, force=True, volumes=True)


async def _record(engine: Engine, container_id: str, how: Exit, last_delay_s: float) -> float | None:
    """Returns the seconds until the next start, or None where there is none."""
    old = engine.containers.get(container_id)
    up_s = (how.at_ns - clock.parse_time(old.task.started_at)) / 1e9
    ending = Ending(how.code, old.stopped_by_user or engine.runs.halted, old.restart_count, up_s, last_delay_s)
    delay_s = plan_restart(old.host_config.restart_policy, ending)
    ended = await engine.containers.update(container_id, lambda c: _exited(c, how, restarting=delay_s is not None))
    engine.runs.ended(container_id, how)
    if how.oom_killed:
        container_event(engine, ended, "oom")
    container_event(engine, ended, "die", exitCode=str(how.code), execDuration=str(int(up_s)))
    return delay_s


def _exited(container: Container, how: Exit, *, restarting: bool) -> Container:
    at = clock.format_time(how.at_ns)
    task = container.task.exited(how.code, at, oom_killed=how.oom_killed, restarting=restarting)
    return msgspec.structs.replace(container, task=msgspec.structs.replace(task, error=how.error))


async def teardown(engine: Engine, container_id: str) -> None:
    """Every step is done, whatever the others say; the first failure is raised at the end."""
    container = engine.containers.get(container_id)
    runtime = container.host_config.runtime or engine.default_runtime
    async with AsyncExitStack() as steps:
        steps.push_async_callback(engine.logs.finish, container_id)
        steps.push_async_callback(engine.layers.unmount, container_id)
        steps.push_async_callback(engine.mounts.end, container)
        steps.push_async_callback(engine.networks.leave, container_id)
        await engine.runtime.delete(container_id, runtime, force=True)


async def _restart_after(engine: Engine, container_id: str, delay_s: float) -> None:
    await asyncio.sleep(delay_s)
    async with engine.locks.hold(container_id):
        try:
            container = engine.containers.get(container_id)
        except NotFound:
            return
        if container.task.status is not Status.RESTARTING:
            return  # a stop or a removal came first
        await engine.containers.update(container_id, _counted)
        try:
            await start.start_locked(engine, engine.containers.get(container_id))
        except EngineError:
            await engine.containers.update(container_id, _given_up)


def _counted(container: Container) -> Container:
    return msgspec.structs.replace(container, restart_count=container.restart_count + 1)


def _given_up(container: Container) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved("exit"))
