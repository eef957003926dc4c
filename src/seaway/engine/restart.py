"""`POST /containers/{id}/restart`: a stop and a start."""

from seaway.base.errors import EngineError, NotModified, with_prefix
from seaway.engine import kill, start
from seaway.engine.context import Engine
from seaway.engine.events import container_event


async def restart_container(engine: Engine, name: str, timeout_s: int | None = None, signal_name: str = "") -> None:
    container = await kill.settled(engine, engine.containers.find(name).id)
    try:
        with engine.restarts.by_user(container.id):
            if container.task.is_running:
                await _stop(engine, container.id, timeout_s, signal_name)
            await start.start_container(engine, container.id)
    except NotModified:
        pass  # somebody else started it in between
    except EngineError as failure:
        raise with_prefix(f"Cannot restart container {name}: ", failure) from failure
    container_event(engine, engine.containers.get(container.id), "restart")


async def _stop(engine: Engine, container_id: str, timeout_s: int | None, signal_name: str) -> None:
    try:
        await kill.stop_container(engine, container_id, timeout_s, signal_name)
    except NotModified:
        pass  # it ended by itself just now
