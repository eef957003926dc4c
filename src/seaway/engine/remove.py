"""`DELETE /containers/{id}`: out of the index and out of sight by one rename; its space is freed behind."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from seaway.base.errors import Conflict, EngineError, NotFound, with_prefix
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine import aftermath, kill
from seaway.engine.context import Engine
from seaway.engine.events import container_event

log = logging.getLogger(__name__)


class RemovalInProgress(Conflict):
    def __init__(self, name: str) -> None:
        super().__init__(f"removal of container {name} is already in progress")


async def remove_container(engine: Engine, name: str, *, force: bool = False, volumes: bool = False) -> None:
    """Raises NotFound, RemovalInProgress, or what stands in the way with dockerd's prefix."""
    container = engine.containers.find(name)
    with _removing(engine, container.id, name):
        if force:
            engine.runtime.abort(container.id)
        while not await _remove_stopped(engine, container.id, name, volumes=volumes):
            await _make_stopped(engine, container.id, name, force=force)


async def remove_ended(engine: Engine, container_id: str) -> None:
    """`--rm`: unless somebody removes it already."""
    try:
        await remove_container(engine, container_id, force=True, volumes=True)
    except (RemovalInProgress, NotFound):
        pass
    except EngineError as failure:
        log.error("failed to remove container %s: %s", container_id, failure)


@contextmanager
def _removing(engine: Engine, container_id: str, name: str) -> Iterator[None]:
    if container_id in engine.removing:
        raise RemovalInProgress(name)
    engine.removing.add(container_id)
    try:
        yield
    finally:
        engine.removing.discard(container_id)


async def _remove_stopped(engine: Engine, container_id: str, name: str, *, volumes: bool) -> bool:
    """False where it runs."""
    async with engine.locks.hold(container_id):
        container = engine.containers.get(container_id)
        if container.task.is_running:
            return False
        await engine.containers.update(container.id, lambda c: _moved(c, "remove"))
        failpoint("remove: marked")
        try:
            if volumes:
                await _remove_volumes(engine, container)
                failpoint("remove: volumes gone")
            await _erase(engine, container)
        except BaseException:
            await engine.containers.update(container.id, lambda c: _moved(c, "fail removal"))
            raise
    await engine.mounts.forget(container)
    engine.restarts.forget(container.id)
    engine.runs.removed(container.id)
    container_event(engine, container, "destroy")
    return True


async def _remove_volumes(engine: Engine, container: Container) -> None:
    """What fails here is no failure of the container's removal."""
    try:
        await engine.mounts.planner.remove_anonymous(container)
    except (EngineError, OSError) as failure:
        log.error("failed to remove the volumes of container %s: %s", container.id, failure)


async def _make_stopped(engine: Engine, container_id: str, name: str, *, force: bool) -> None:
    container = engine.containers.get(container_id)
    if not force and container.task.is_running:
        raise Conflict(f'cannot remove container "{name}": {_WHY[container.task.status]}')
    try:
        await kill.kill_and_wait(engine, container)
    except kill.NotRunning:
        pass
    except EngineError as failure:
        raise with_prefix(f'cannot remove container "{name}": could not kill: ', failure) from failure


_WHY = {
    Status.RUNNING: "container is running: stop the container before removing or force remove",
    Status.PAUSED: "container is paused and must be unpaused first",
    Status.RESTARTING: "container is restarting: stop the container before removing or force remove",
}


def _moved(container: Container, verb: str) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved(verb))


async def _erase(engine: Engine, container: Container) -> None:
    gone = await engine.containers.remove(container.id, engine.data_root / "seaway" / "trash")
    failpoint("remove: directory gone")
    engine.logs.forget(container.id)
    engine.streams.abandon(container.id)
    engine.execs.forget_container(container.id)
    aftermath.clear_container(engine, container.id, gone)
