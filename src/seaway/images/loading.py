"""What every way to load an image says and does on the way: progress of its layers, and its names."""

from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.images.messages import Emit, progress_line, stream_line
from seaway.images.references import ReferenceDoesNotExist
from seaway.images.spool import SpooledArchive
from seaway.layers.transfer import FilePart
from seaway.oci.reference import Reference


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


def told(archive: SpooledArchive, member: str, name: str, emit: Emit, *, quiet: bool) -> FilePart:
    """A layer to register, and how far that is."""
    if quiet:
        return archive.part(member)
    total = archive.size_bytes(member)
    return archive.part(member, lambda current: emit(progress_line("Loading layer", name, current, total)))
