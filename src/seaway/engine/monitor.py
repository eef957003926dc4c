"""From a run's end to what comes next: the record, the event, the teardown, and perhaps another start.

Answer first, clean up behind: those who wait for the exit hear of it before the namespace and the mount are gone;
the next start of the container awaits that teardown through the container's lock.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import replace

import msgspec

from seaway.base import clock
from seaway.base.errors import EngineError, NotFound
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.containers.restart import Ending, plan_restart
from seaway.containers.task import Status
from seaway.engine import aftermath, oom, remove, shm, start
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.networks import endpoint_events
from seaway.runtime.exits import Exit

log = logging.getLogger(__name__)


def follow_runs(engine: Engine) -> None:
    """Every run that begins from now on, or is adopted, is followed to its end."""

    def follow(container_id: str, exit_of_run: "asyncio.Future[Exit]") -> None:
        failpoint("start: recorded")
        exit_of_run.add_done_callback(lambda done: end(container_id, done))

    def end(container_id: str, done: "asyncio.Future[Exit]") -> None:
        if not done.cancelled():  # the engine goes, the run does not
            engine.supervisor.spawn(_end(engine, container_id, done.result()), f"end of {container_id[:12]}")

    engine.runs.add_follower(follow)


async def _end(engine: Engine, container_id: str, how: Exit) -> None:
    failpoint("exit: seen")
    async with engine.locks.hold(container_id):
        delay_s = await _record(engine, container_id, how)
        try:
            await _release(engine, engine.containers.get(container_id))
        except (EngineError, OSError) as failure:
            log.error("failed to clean up behind container %s: %s", container_id, failure)
    failpoint("exit: released")
    container = engine.containers.get(container_id)
    if delay_s is not None:
        await _restart_after(engine, container, delay_s)
    elif container.host_config.auto_remove and not engine.restarts.is_by_user(container_id):
        await remove.remove_ended(engine, container_id)


async def _record(engine: Engine, container_id: str, how: Exit) -> float | None:
    """Returns the seconds until the next start, or None where there is none."""
    old = engine.containers.get(container_id)
    engine.logs.output_ended(container_id)
    up_s = (how.at_ns - clock.parse_time(old.task.started_at)) / 1e9
    ending = Ending(
        exit_code=how.code,
        is_cancelled=engine.restarts.is_cancelled(container_id) or engine.runs.halted,
        stopped_by_user=old.stopped_by_user,
        restarts=old.restart_count,
        up_for_s=up_s,
        last_delay_s=engine.restarts.last_delay_s(container_id),
    )
    delay_s = plan_restart(old.host_config.restart_policy, ending)
    how = replace(how, oom_killed=await oom.killed_for_memory(engine, old, how))
    ended = await engine.containers.update(container_id, lambda c: _exited(c, how, restarting=delay_s is not None))
    failpoint("exit: recorded")
    engine.streams.retire(container_id)
    engine.execs.forget_unstarted(container_id)
    engine.runs.ended(container_id, how)
    endpoint_events(engine, old, "disconnect")
    container_event(engine, ended, "die", exitCode=str(how.code), execDuration=str(int(up_s)))
    return delay_s


def _exited(container: Container, how: Exit, *, restarting: bool) -> Container:
    at = clock.format_time(how.at_ns)
    task = container.task.exited(how.code, at, oom_killed=how.oom_killed, restarting=restarting)
    return msgspec.structs.replace(
        container,
        task=msgspec.structs.replace(task, error=how.error),
        restart_count=container.restart_count + restarting,
        endpoints={name: endpoint.ended() for name, endpoint in container.endpoints.items()},
        sandbox={},
        health=container.health and container.health.unprobed(),
    )


async def _release(engine: Engine, container: Container) -> None:
    """What others may want is free, and the log is whole, before anybody hears of the end of a removal."""
    is_last = container.host_config.auto_remove or container.id in engine.removing
    async with AsyncExitStack() as steps:
        steps.callback(aftermath.clear_run, engine, container)
        steps.push_async_callback(engine.logs.finish, container.id, last=is_last)
        steps.push_async_callback(engine.mounts.end, container)
        steps.push_async_callback(_leave, engine, container.id)
        await shm.end(engine, container)


async def _leave(engine: Engine, container_id: str) -> None:
    with engine.metrics.networks.time("release"):
        await engine.networks.leave(container_id)


async def _restart_after(engine: Engine, ended: Container, delay_s: float) -> None:
    await engine.restarts.pause(ended.id, delay_s)
    async with engine.locks.hold(ended.id):
        try:
            container = engine.containers.get(ended.id)
        except NotFound:
            return
        if container.task.status is not Status.RESTARTING or container.run != ended.run:
            return  # a stop came first, and perhaps a start after it
        if engine.restarts.is_cancelled(ended.id) or engine.runs.halted:
            await _give_up(engine, container)
            return
        try:
            await start.start_locked(engine, container, by_user=False)
        except EngineError as failure:
            log.error("failed to restart container %s: %s", container.id, failure)
            await _give_up(engine, container)


async def _give_up(engine: Engine, container: Container) -> None:
    await engine.containers.update(container.id, _given_up)
    engine.runs.stays_down(container.id)


def _given_up(container: Container) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved("exit"))
