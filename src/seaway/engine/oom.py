"""The event `oom` and `State.OOMKilled`: when the kernel kills, and at the latest when the run has ended."""

import asyncio

import msgspec

from seaway.base.errors import NotFound
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.kernel import memorykills
from seaway.kernel.worker import run_blocking
from seaway.runtime.bundle import RunDirectory
from seaway.runtime.exits import Exit
from seaway.runtime.oom import OomWatcher


def follow_runs(engine: Engine) -> None:
    watcher = OomWatcher()
    engine.supervisor.spawn(watcher.run(), "oom watcher", service=True)

    def follow(container_id: str, exit_of_run: "asyncio.Future[Exit]") -> None:
        container = engine.containers.get(container_id)
        if is_told := container.task.oom_killed:  # by an engine before
            engine.out_of_memory.add(container_id)
        counter = memorykills.counter_of(container.task.pid, container_id)
        directory = RunDirectory(engine.run_root / container_id / container.run)
        watcher.watch(directory, counter, exit_of_run, lambda: _tell(engine, container), is_told=is_told)

    engine.runs.add_follower(follow)


def _tell(engine: Engine, container: Container) -> None:
    engine.out_of_memory.add(container.id)
    container_event(engine, container, "oom")
    engine.supervisor.spawn(_record(engine, container), f"oom of {container.short_id}")


async def _record(engine: Engine, container: Container) -> None:
    def killed(now: Container) -> Container:
        if now.run != container.run or not now.task.is_running:
            return now
        return msgspec.structs.replace(now, task=msgspec.structs.replace(now.task, oom_killed=True))

    try:
        await engine.containers.update(container.id, killed)
    except NotFound:
        pass  # removed since


async def killed_for_memory(engine: Engine, container: Container, how: Exit) -> bool:
    """Of a run that has ended. Tells of a kill that was not seen before; to be asked once."""
    if container.id in engine.out_of_memory:
        engine.out_of_memory.discard(container.id)
        return True
    directory = RunDirectory(engine.run_root / container.id / container.run)
    if how.oom_killed or await run_blocking(_was_counted, directory, container.task.pid, container.id):
        container_event(engine, container, "oom")
        return True
    return False


def _was_counted(directory: RunDirectory, pid: int, container_id: str) -> bool:
    """The group is there until the runtime is told to delete it; one that systemd made may be gone."""
    count = memorykills.count_in(group) if ":" not in (group := directory.cgroups_path()) else None
    return memorykills.is_logged(pid, container_id) if count is None else bool(count)
