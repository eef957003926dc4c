"""`docker load`: images from an archive of `docker save` (any version since 1.10) or from an OCI layout."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

from seaway.base.errors import InvalidParameter
from seaway.base.groups import plain_failures
from seaway.images.archived import ArchivedImage, plan_load
from seaway.images.catalog import Catalog
from seaway.images.image import Image, parse_image
from seaway.images.messages import Emit, progress_line, stream_line
from seaway.images.references import ReferenceDoesNotExist
from seaway.images.spool import SpooledArchive, spooled
from seaway.layers.store import DiffIdMismatch
from seaway.oci.digest import Digest
from seaway.oci.platform import Platform, host_platform
from seaway.oci.reference import Reference

_PROGRESS_INTERVAL_S = 0.1


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
        loaded: list[Image] = []
        has_name = False
        for archived in await plan_load(archive, platform):
            image = await _load(catalog, archive, archived, emit, platform, quiet=quiet)
            for name in archived.names:
                await _name(catalog, image, name, emit)
                has_name = True
            catalog.announce("load", image)
            loaded.append(image)
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
                    chunks = archive.chunks(member)
                    if not quiet:
                        chunks = _watched(chunks, archive.size_bytes(member), image.diff_ids[number], emit)
                    done = asyncio.Event()
                    group.create_task(_register(catalog, chunks, image, number, below, done))
                    below = done
            return await catalog.images.create(raw)
        except BaseException:
            for chain in reversed(image.chain_ids):
                await catalog.layers.release(chain)
            raise


async def _register(
    catalog: Catalog,
    chunks: AsyncIterator[bytes],
    image: Image,
    number: int,
    below: asyncio.Event | None,
    done: asyncio.Event,
) -> None:
    parent = image.chain_ids[number - 1] if number else None
    try:
        await catalog.layers.register(chunks, parent, image.diff_ids[number], below)
    except DiffIdMismatch as failure:
        raise CannotLoad(
            f'invalid diffID for layer {number}: expected "{failure.expected}", got "{failure.actual}"'
        ) from failure
    done.set()


async def _name(catalog: Catalog, image: Image, name: Reference, emit: Emit) -> None:
    try:
        old = catalog.references.get(name)
    except ReferenceDoesNotExist:
        pass
    else:
        if old != image.id:
            emit(
                stream_line(
                    f"The image {name.familiar} already exists, renaming the old one with ID {old} to empty string"
                )
            )
    await catalog.references.add_tag(name, image.id, force=True)
    emit(stream_line(f"Loaded image: {name.familiar}"))


async def _watched(chunks: AsyncIterator[bytes], total: int, diff_id: Digest, emit: Emit) -> AsyncIterator[bytes]:
    current, told_at = 0, 0.0
    async for chunk in chunks:
        current += len(chunk)
        if current == total or time.monotonic() - told_at > _PROGRESS_INTERVAL_S:
            emit(progress_line("Loading layer", diff_id.short, current, total))
            told_at = time.monotonic()
        yield chunk
