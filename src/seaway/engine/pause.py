"""`POST /containers/{id}/pause` and `/unpause`: the freezer of its cgroup, through the runtime."""

import logging

import msgspec

from seaway.base.errors import Conflict, EngineError, SystemFailure
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.runtime.errors import ProcessGone, RuntimeCommandFailed

log = logging.getLogger(__name__)


async def pause_container(engine: Engine, name: str) -> None:
    container_id = engine.containers.find(name).id
    async with engine.locks.hold(container_id):
        container = engine.containers.get(container_id)
        _refuse_unpausable(container)
        try:
            await engine.runtime.pause(container_id, container.host_config.runtime or engine.default_runtime)
        except ProcessGone:
            raise Conflict(f"container {container_id} is not running") from None
        except EngineError as failure:
            raise SystemFailure(f"cannot pause container {container_id}: {failure}") from failure
        container = await engine.containers.update(container_id, _paused)
    container_event(engine, container, "pause")


async def unpause_container(engine: Engine, name: str) -> None:
    container_id = engine.containers.find(name).id
    async with engine.locks.hold(container_id):
        container = engine.containers.get(container_id)
        if container.task.status is not Status.PAUSED:
            raise SystemFailure(f"Container {container_id} is not paused")
        try:
            await _resume(engine, container)
        except EngineError as failure:
            raise SystemFailure(f"cannot resume container {container_id}: {failure}") from failure


async def thaw(engine: Engine, container: Container) -> None:
    """After a signal that must reach it. One that stays frozen nevertheless is found out by who waits for its end."""
    async with engine.locks.hold(container.id):
        if engine.containers.get(container.id).task.status is not Status.PAUSED:
            return
        try:
            await _resume(engine, container)
        except ProcessGone:
            pass
        except RuntimeCommandFailed as failure:
            log.warning("cannot unpause container %s: %s", container.id, failure)  # runc kill has done it already


async def _resume(engine: Engine, container: Container) -> None:
    await engine.runtime.resume(container.id, container.host_config.runtime or engine.default_runtime)
    container = await engine.containers.update(container.id, lambda c: _moved(c, "unpause"))
    container_event(engine, container, "unpause")


def _paused(container: Container) -> Container:
    return msgspec.structs.replace(_moved(container, "pause"), health=container.health and container.health.unprobed())


def _moved(container: Container, verb: str) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved(verb))


def _refuse_unpausable(container: Container) -> None:
    match container.task.status:
        case Status.RUNNING:
            return
        case Status.PAUSED:
            raise Conflict(f"Container {container.id} is already paused")
        case Status.RESTARTING:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    raise Conflict(f"container {container.id} is not running")
