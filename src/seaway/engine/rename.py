"""`POST /containers/{id}/rename`."""

import msgspec

from seaway.base.errors import Conflict, InvalidParameter
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.containers.names import NameInUse, validate_name
from seaway.engine.context import Engine
from seaway.engine.events import container_event


async def rename_container(engine: Engine, name: str, new_name: str) -> None:
    container = engine.containers.find(name)
    if not new_name:
        raise InvalidParameter("Neither old nor new names may be empty")
    wanted = validate_name(new_name)
    if wanted == container.name:
        raise InvalidParameter("Renaming a container with the same name as its current name")
    async with engine.locks.hold(container.id):
        old_name = engine.containers.get(container.id).name
        try:
            engine.containers.names.reserve(wanted, container.id)
        except NameInUse as taken:
            raise Conflict(f"Error when allocating new name: {taken}") from taken
        failpoint("rename: reserved")
        renamed = await engine.containers.update(container.id, lambda c: _renamed(engine, c, wanted), durable=True)
        failpoint("rename: recorded")
        engine.containers.names.release(old_name)
    container_event(engine, renamed, "rename", oldName="/" + old_name)


def _renamed(engine: Engine, container: Container, name: str) -> Container:
    renamed = msgspec.structs.replace(container, name=name)
    return msgspec.structs.replace(renamed, endpoints=engine.networks.renamed(renamed))
