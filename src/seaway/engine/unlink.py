"""`docker rm --link /parent/alias`: the link goes, both containers stay."""

from seaway.base.errors import NotFound, SystemFailure
from seaway.containers.store import NoSuchContainer
from seaway.engine.context import Engine
from seaway.engine.links import with_links
from seaway.model.links import parse_link


async def remove_link(engine: Engine, name: str) -> None:
    """Raises NoSuchContainer for a link that is not there, SystemFailure for a name that is no link's."""
    parent_name, slash, alias = name.removeprefix("/").rpartition("/")
    if not slash:
        engine.containers.find(name)
        raise SystemFailure("Conflict, cannot remove the default link name of the container")
    try:
        parent_id = engine.containers.find(parent_name).id
    except NotFound as missing:
        raise NoSuchContainer(name) from missing
    async with engine.locks.hold(parent_id):
        parent = engine.containers.get(parent_id)
        links = [link for link in parent.host_config.links or () if parse_link(link)[1] != alias]
        if len(links) == len(parent.host_config.links or ()):
            raise NoSuchContainer(name)
        unlinked = await engine.containers.update(parent_id, lambda c: with_links(c, links), durable=True)
    if unlinked.task.is_running:
        await engine.networks.rewrite_files(unlinked)
