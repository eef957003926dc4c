"""`docker import`: an image of one layer, made of a filesystem's tar."""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from seaway.base import gojson
from seaway.base.clock import now
from seaway.base.errors import InvalidParameter
from seaway.images.catalog import Catalog
from seaway.images.changes import apply_changes
from seaway.images.image import Image
from seaway.images.messages import Emit, status_line
from seaway.images.references import InvalidTag
from seaway.model.container import ContainerConfig
from seaway.oci.digest import Digest
from seaway.oci.platform import Platform, host_platform
from seaway.oci.reference import Reference


class UnsupportedPlatform(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """`config` comes of `plan_import`. An empty message says where the tar came from: `Imported from -`."""

    config: ContainerConfig
    reference: Reference | None = None
    message: str = ""
    source: str = "-"
    platform: Platform | None = None


def plan_import(
    changes: Iterable[str],
    reference: Reference | None = None,
    message: str = "",
    source: str = "-",
    platform: Platform | None = None,
) -> ImportRequest:
    """Everything that can be refused before the tar is read. Raises InvalidChange, InvalidTag, UnsupportedPlatform."""
    if reference and reference.digest:
        raise InvalidTag("cannot import digest reference")
    if platform and platform.os != host_platform().os:
        raise UnsupportedPlatform("operating system is not supported")
    tagged = reference.with_default_tag() if reference else None
    return ImportRequest(apply_changes(ContainerConfig(), changes), tagged, message, source, platform)


async def import_image(catalog: Catalog, request: ImportRequest, body: AsyncIterator[bytes], emit: Emit) -> Image:
    async with catalog.layers.transaction():
        layer = await catalog.layers.register(body, None)
        try:
            image = await catalog.images.create(_document(request, layer.diff_id))
        except BaseException:
            await catalog.layers.release(layer.chain_id)
            raise
    if request.reference:
        await catalog.tag(image, request.reference)
    catalog.announce("import", image)
    emit(status_line(str(image.id)))
    return image


def _document(request: ImportRequest, diff_id: Digest) -> bytes:
    platform, created = request.platform or host_platform(), now()
    comment = request.message or f"Imported from {request.source}"
    document: dict[str, Any] = {
        "architecture": platform.architecture,
        "comment": comment,
        "config": msgspec.to_builtins(request.config),
        "created": created,
        "history": [{"created": created, "comment": comment}],
        "os": platform.os,
        "rootfs": {"type": "layers", "diff_ids": [str(diff_id)]},
    }
    if platform.variant:
        document["variant"] = platform.variant
    return gojson.encode(document)
