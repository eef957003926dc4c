"""`DELETE /containers/{id}`: out of the index and out of sight by one rename; its space is freed behind."""

import msgspec

from seaway.base.errors import Conflict, EngineError
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine import kill
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.kernel import files, worker


async def remove_container(engine: Engine, name: str, *, force: bool = False, volumes: bool = False) -> None:
    container = engine.containers.find(name)
    if container.task.status is Status.REMOVING:
        raise Conflict(f"removal of container {name} is already in progress")
    if container.task.is_running:
        await _make_stopped(engine, container, name, force=force)
    async with engine.locks.hold(container.id):
        container = engine.containers.get(container.id)
        if container.task.is_running:
            raise Conflict(
                _still_running(name, "container is running: stop the container before removing or force remove")
            )
        await engine.containers.update(container.id, lambda c: _moved(c, "remove"))
        try:
            await _erase(engine, container)
        except BaseException:
            await engine.containers.update(container.id, lambda c: _moved(c, "fail removal"))
            raise
    if volumes:
        await engine.mounts.remove_anonymous(container)
    engine.runs.removed(container.id)
    container_event(engine, container, "destroy")


async def _make_stopped(engine: Engine, container: Container, name: str, *, force: bool) -> None:
    if not force:
        raise Conflict(_still_running(name, _WHY[container.task.status]))
    try:
        if container.task.status is Status.RESTARTING:
            await kill.stop_container(engine, container.id)
        else:
            await kill.kill_container(engine, container.id)
    except EngineError:
        if engine.containers.find(name).task.is_running:
            raise


_WHY = {
    Status.RUNNING: "container is running: stop the container before removing or force remove",
    Status.PAUSED: "container is paused and must be unpaused first",
    Status.RESTARTING: "container is restarting: stop the container before removing or force remove",
}


def _still_running(name: str, why: str) -> str:
    return f'cannot remove container "{name}": {why}'


def _moved(container: Container, verb: str) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved(verb))


async def _erase(engine: Engine, container: Container) -> None:
    trash = engine.data_root / "seaway" / "trash"
    await engine.layers.remove_rw(container.id)
    gone = await worker.run_blocking(files.move_to_trash, engine.containers.directory(container.id), trash)
    engine.containers.forget(container.id)
    engine.logs.forget(container.id)
    engine.execs.forget_container(container.id)
    if gone:
        engine.supervisor.spawn(worker.run_blocking(files.empty_trash, gone), "empty trash")
