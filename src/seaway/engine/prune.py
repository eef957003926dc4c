"""`POST /containers/prune`: remove every container that does not run."""

from typing import Any

from seaway.base import clock
from seaway.base.errors import Conflict, EngineError
from seaway.base.filters import Filters
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine import remove
from seaway.engine.context import Engine
from seaway.images.filters import created_before

FILTERS = ("until", "label", "label!")
_KEY = "prune containers"


async def prune_containers(engine: Engine, filters: Filters) -> dict[str, Any]:
    filters.validate(FILTERS)
    until_ns = created_before(filters)
    if engine.locks.is_held(_KEY):
        raise Conflict("a prune operation is already running")
    async with engine.locks.hold(_KEY):
        removed, reclaimed = [], 0
        for container in engine.containers.all():
            if _is_wanted(container, filters, until_ns):
                size = await engine.layers.rw_size(container.id)
                try:
                    await remove.remove_container(engine, container.id)
                except EngineError:
                    continue  # it was started or removed meanwhile
                removed.append(container.id)
                reclaimed += size
    engine.events.publish("container", "prune", "", {"reclaimed": str(reclaimed)})
    return {"ContainersDeleted": removed or None, "SpaceReclaimed": reclaimed}


def _is_wanted(container: Container, filters: Filters, until_ns: int | None) -> bool:
    labels = container.config.labels or {}
    return (
        container.task.status in (Status.CREATED, Status.EXITED, Status.DEAD)
        and (until_ns is None or clock.parse_time(container.created) < until_ns)
        and filters.matches_labels("label", labels)
        and filters.lacks_labels("label!", labels)
    )
