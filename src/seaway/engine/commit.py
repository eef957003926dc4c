"""`POST /commit`: an image of what a container changed, on top of the image it was made from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from seaway.base.errors import Conflict
from seaway.containers.container import Container
from seaway.containers.store import NoSuchContainer
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.merge import merge_config
from seaway.engine.pause import pause_container, unpause_container
from seaway.images.catalog import Catalog
from seaway.images.changes import apply_changes
from seaway.images.commit import Commit, commit_image
from seaway.images.image import Image
from seaway.images.store import NoSuchImage
from seaway.model.container import ContainerConfig
from seaway.oci.digest import Digest
from seaway.oci.reference import Reference


@dataclass(frozen=True, slots=True)
class CommitRequest:
    """`config` takes the place of the container's own, which fills what it leaves out."""

    reference: Reference | None = None
    author: str = ""
    comment: str = ""
    changes: tuple[str, ...] = ()
    config: ContainerConfig | None = None
    pause: bool = True


async def commit_container(engine: Engine, catalog: Catalog, name: str, request: CommitRequest) -> Image:
    """Raises NoSuchContainer, Conflict (it is going), InvalidChange, or what the stores raise."""
    container = engine.containers.find(name)
    _refuse_going(engine, container)
    config = merge_config(apply_changes(request.config or container.config, request.changes), container.config)
    parent = _parent(catalog, container)
    commit = Commit(parent, container.id, config, container.config, request.author, request.comment)
    async with _paused(engine, container, wanted=request.pause):
        diff = engine.layers.diff(container.id)
        image = await commit_image(catalog, commit, diff, partial(_refuse_half, engine, container))
        if request.reference:
            await catalog.tag(image, request.reference)
        shown = request.reference.familiar if request.reference else ""
        container_event(engine, container, "commit", comment=request.comment, imageID=str(image.id), imageRef=shown)
    return image


def _refuse_going(engine: Engine, container: Container) -> None:
    if container.task.status is Status.DEAD:
        raise Conflict(f"You cannot commit container {container.id} which is Dead")
    if container.id in engine.removing:
        raise Conflict(f"You cannot commit container {container.id} which is being removed")


def _parent(catalog: Catalog, container: Container) -> Image | None:
    """Raises NoSuchImage where the image is gone: its layers went with it, or will."""
    if not container.image:
        return None
    try:
        return catalog.images.get(Digest(container.image))
    except NoSuchImage:
        raise NoSuchImage(container.image) from None


@asynccontextmanager
async def _paused(engine: Engine, container: Container, *, wanted: bool) -> AsyncIterator[None]:
    """As long as its files are read, unless it does not run, or somebody else paused it."""
    if not wanted or container.task.status is not Status.RUNNING:
        yield
        return
    try:
        await pause_container(engine, container.id)
    except Conflict:  # it has ended meanwhile
        yield
        return
    try:
        yield
    finally:
        await unpause_container(engine, container.id)


def _refuse_half(engine: Engine, container: Container) -> None:
    """One that was removed under our eyes may have given half of its files: that is no layer."""
    if not engine.layers.has_rw(container.id):
        raise NoSuchContainer(container.id)
