"""`GET /containers/{id}/export`: a container's root filesystem as a tar, as it is read, without its mounts."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from pathlib import Path

from seaway.base.errors import Conflict
from seaway.base.idmap import IdMap
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.tarpipes import reading_tar
from seaway.kernel.treetar import TreeTar


@asynccontextmanager
async def exported(engine: Engine, name: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """Leaving the block early ends the reading."""
    container = engine.containers.find(name)
    match container.task.status:
        case Status.DEAD:
            raise Conflict(f"You cannot export container {container.id} which is Dead")
        case Status.REMOVING:
            raise Conflict(f"You cannot export container {container.id} which is being removed")
    async with AsyncExitStack() as undo:
        rootfs = await engine.layers.mount(container.id)
        undo.push_async_callback(engine.layers.unmount, container.id)
        pieces = await undo.enter_async_context(reading_tar(partial(write_tree, rootfs, engine.settings.ids)))
        container_event(engine, container, "export")
        yield pieces


def write_tree(root: Path, ids: IdMap, out: int) -> None:
    """What is in `root`, by name; closes `out`."""
    try:
        directory = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            archive = TreeTar(out, ids)
            for name in sorted(map(os.fsencode, os.listdir(directory))):
                archive.add(directory, name, name)
            archive.finish()
        finally:
            os.close(directory)
    finally:
        os.close(out)
