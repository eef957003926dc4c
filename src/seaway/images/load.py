"""`docker load`: images from an archive of `docker save` (of any version) or from an OCI layout."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from seaway.base.errors import InvalidParameter
from seaway.base.groups import plain_failures
from seaway.images.archived import ArchivedImage, plan_load
from seaway.images.catalog import Catalog
from seaway.images.image import Image, parse_image
from seaway.images.load_v1 import is_v1_archive, load_v1
from seaway.images.loading import name_loaded, told
from seaway.images.messages import Emit, stream_line
from seaway.images.spool import SpooledArchive, spooled
from seaway.layers.store import DiffIdMismatch
from seaway.layers.transfer import TarSource
from seaway.oci.digest import Digest
from seaway.oci.platform import Platform, host_platform


class CannotLoad(InvalidParameter):
    pass


async def load_images(
    catalog: Catalog,
    body: AsyncIterator[bytes],
    scratch: Path,
    emit: Emit,
    *,
    quiet: bool = True,
    platform: Platform | None = None,
) -> list[Image]:
    """With a `platform`, an image of another one is refused. `scratch` is where the archive lies meanwhile.

    Images that came before a failure stay, as in dockerd.
    """
    async with spooled(body, scratch) as archive:
        if is_v1_archive(archive):
            return await load_v1(catalog, archive, emit, quiet=quiet)
        loaded: list[Image] = []
        parents: dict[Digest, Digest] = {}
        has_name = False
        for archived in await plan_load(archive, platform):
            image = await _load(catalog, archive, archived, emit, platform, quiet=quiet)
            if archived.parent:
                parents[image.id] = archived.parent
            for name in archived.names:
                await name_loaded(catalog, image, name, emit)
                has_name = True
            catalog.announce("load", image)
            loaded.append(image)
        for image in loaded:
            await _put_on_parent(catalog, image, parents.get(image.id), loaded)
    if not has_name:
        for image in loaded:
            emit(stream_line(f"Loaded image ID: {image.id}"))
    return loaded


async def _load(
    catalog: Catalog,
    archive: SpooledArchive,
    archived: ArchivedImage,
    emit: Emit,
    platform: Platform | None,
    *,
    quiet: bool,
) -> Image:
    raw = await archive.read(archived.config)
    image = parse_image(raw)
    if len(image.diff_ids) != len(archived.layers):
        raise CannotLoad(
            f"invalid manifest, layers length mismatch: expected {len(image.diff_ids)}, got {len(archived.layers)}"
        )
    if image.os not in ("", host_platform().os):
        raise CannotLoad(f"cannot load {image.os} image on {host_platform().os}")
    if platform and not image.platform.satisfies(platform):
        raise CannotLoad(f"requested platform ({platform}) not found: image is {image.platform}")
    async with catalog.layers.transaction():
        try:
            async with plain_failures(), asyncio.TaskGroup() as group:
                below: asyncio.Event | None = None
                for number, member in enumerate(archived.layers):
                    tar = told(archive, member, image.diff_ids[number].short, emit, quiet=quiet)
                    done = asyncio.Event()
                    group.create_task(_register(catalog, tar, image, number, below, done))
                    below = done
            return await catalog.images.create(raw)
        except BaseException:
            for chain in reversed(image.chain_ids):
                await catalog.layers.release(chain)
            raise


async def _put_on_parent(catalog: Catalog, image: Image, parent_id: Digest | None, loaded: list[Image]) -> None:
    """One that the archive has too, and whose history goes on in the image's."""
    parent = next((each for each in loaded if each.id == parent_id != image.id), None)
    if parent is None:
        return
    is_next = len(image.history) - len(parent.history) == 1 or not (image.history or parent.history)
    if not is_next or image.history[: len(parent.history)] != parent.history:
        raise CannotLoad(f"image {parent.id} is not a valid parent for {image.id}")
    await catalog.images.set_parent(image.id, parent.id)


async def _register(
    catalog: Catalog,
    tar: TarSource,
    image: Image,
    number: int,
    below: asyncio.Event | None,
    done: asyncio.Event,
) -> None:
    parent = image.chain_ids[number - 1] if number else None
    try:
        await catalog.layers.register(tar, parent, image.diff_ids[number], below)
    except DiffIdMismatch as failure:
        raise CannotLoad(
            f'invalid diffID for layer {number}: expected "{failure.expected}", got "{failure.actual}"'
        ) from failure
    done.set()
