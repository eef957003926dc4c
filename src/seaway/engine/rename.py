"""`POST /containers/{id}/rename`."""

import msgspec

from seaway.base.errors import EngineError, InvalidParameter, with_prefix
from seaway.base.failpoints import failpoint
from seaway.containers.container import Container
from seaway.containers.names import validate_name
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.links import renamed_links, with_links


async def rename_container(engine: Engine, name: str, new_name: str) -> None:
    if not new_name:
        raise InvalidParameter("Neither old nor new names may be empty")
    container = engine.containers.find(name)
    if new_name.removeprefix("/") == container.name:
        raise InvalidParameter("Renaming a container with the same name as its current name")
    async with engine.locks.hold(container.id):
        old_name = engine.containers.get(container.id).name
        try:
            wanted = validate_name("/" + new_name.removeprefix("/"))
            engine.containers.names.reserve(wanted, container.id)
        except EngineError as refused:
            raise with_prefix("Error when allocating new name: ", refused) from refused
        failpoint("rename: reserved")
        renamed = await engine.containers.update(container.id, lambda c: _renamed(engine, c, wanted), durable=True)
        failpoint("rename: recorded")
        await _tell_links(engine, old_name, wanted)
        engine.containers.names.release(old_name)
    container_event(engine, renamed, "rename", oldName="/" + old_name)


async def _tell_links(engine: Engine, old: str, new: str) -> None:
    """Who links to a container means it, whatever it is called."""
    for parent in engine.containers.all():
        links = parent.host_config.links or ()
        if renamed_links(links, old, new) != list(links):
            await engine.containers.update(parent.id, lambda c: _with_renamed(c, old, new), durable=True)


def _with_renamed(parent: Container, old: str, new: str) -> Container:
    return with_links(parent, renamed_links(parent.host_config.links or (), old, new))


def _renamed(engine: Engine, container: Container, name: str) -> Container:
    renamed = msgspec.structs.replace(container, name=name)
    return msgspec.structs.replace(renamed, endpoints=engine.networks.renamed(renamed))
