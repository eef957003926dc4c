"""What every way to load an image says and does on the way: progress of its layers, and its names."""

import time
from collections.abc import AsyncIterator

from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.images.messages import Emit, progress_line, stream_line
from seaway.images.references import ReferenceDoesNotExist
from seaway.images.spool import SpooledArchive
from seaway.layers.transfer import TarSource
from seaway.oci.reference import Reference

_PROGRESS_INTERVAL_S = 0.1


async def name_loaded(catalog: Catalog, image: Image, name: Reference, emit: Emit) -> None:
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


def told(archive: SpooledArchive, member: str, name: str, emit: Emit, *, quiet: bool) -> TarSource:
    """A layer to register. With progress it goes through the engine, which counts it."""
    if quiet:
        return archive.part(member)
    return _watched(archive.chunks(member), archive.size_bytes(member), name, emit)


async def _watched(chunks: AsyncIterator[bytes], total: int, name: str, emit: Emit) -> AsyncIterator[bytes]:
    current, told_at = 0, 0.0
    async for chunk in chunks:
        current += len(chunk)
        if current == total or time.monotonic() - told_at > _PROGRESS_INTERVAL_S:
            emit(progress_line("Loading layer", name, current, total))
            told_at = time.monotonic()
        yield chunk
