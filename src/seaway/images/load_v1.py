"""`docker load` of an archive from before Docker 1.10: a directory for each layer, which was an image by itself.

    <v1 ID>/json, layer.tar, VERSION    its document, which names its parent
    repositories                        {name: {tag: v1 ID}}

Every one becomes an image with the layers below it, as in dockerd; the nameless ones are the others' parents.
"""

from typing import Any, TypeVar

import msgspec

from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.images.loading import name_loaded, told
from seaway.images.messages import Emit
from seaway.images.spool import BadArchive, SpooledArchive
from seaway.images.v1 import history_of, upgraded
from seaway.oci.platform import host_platform
from seaway.oci.reference import parse_reference

T = TypeVar("T")
Document = dict[str, Any]


def is_v1_archive(archive: SpooledArchive) -> bool:
    return "repositories" in archive and not ("manifest.json" in archive or "index.json" in archive)


async def load_v1(catalog: Catalog, archive: SpooledArchive, emit: Emit, *, quiet: bool) -> list[Image]:
    """Raises BadArchive, and what the layer store raises; images that came before a failure stay."""
    repositories = await _read(archive, "repositories", dict[str, dict[str, str]])
    documents = {v1_id: await _read(archive, f"{v1_id}/json", Document) for v1_id in archive.directories()}
    loaded: dict[str, Image] = {}
    for v1_id in _parents_first(documents):
        parent = loaded.get(documents[v1_id].get("parent") or "")
        loaded[v1_id] = await _load(catalog, archive, v1_id, documents[v1_id], parent, emit, quiet=quiet)
    named: dict[str, Image] = {}
    for name, tags in sorted(repositories.items()):
        for tag, v1_id in sorted(tags.items()):
            if v1_id not in loaded:
                raise BadArchive(f"invalid target ID: {v1_id}")
            await name_loaded(catalog, loaded[v1_id], parse_reference(f"{name}:{tag}"), emit)
            named[v1_id] = loaded[v1_id]
    for image in named.values():
        catalog.announce("load", image)
    return list(loaded.values())


async def _load(
    catalog: Catalog,
    archive: SpooledArchive,
    v1_id: str,
    document: Document,
    parent: Image | None,
    emit: Emit,
    *,
    quiet: bool,
) -> Image:
    if document.get("os", "") not in ("", host_platform().os):
        raise BadArchive(f"cannot load {document['os']} image on {host_platform().os}")
    tar = told(archive, f"{v1_id}/layer.tar", v1_id[:12], emit, quiet=quiet)
    async with catalog.layers.transaction():
        layer = await catalog.layers.register(tar, parent.chain_id if parent else None)
        try:
            below = parent.diff_ids if parent else ()
            history = [*(msgspec.to_builtins(e) for e in (parent.history if parent else ())), history_of(document)]
            raw = upgraded(document, [*map(str, below), str(layer.diff_id)], history)
            return await catalog.images.create(raw, parent.id if parent else None)
        finally:
            await catalog.layers.release(layer.chain_id)


async def _read(archive: SpooledArchive, name: str, wanted: type[T]) -> T:
    try:
        return msgspec.json.decode(await archive.read(name), type=wanted)
    except msgspec.DecodeError as failure:
        raise BadArchive(f"invalid {name}: {failure}") from failure


def _parents_first(documents: dict[str, Document]) -> list[str]:
    """Raises BadArchive where a parent is missing, or its own descendant."""
    ordered: dict[str, None] = {}
    for first in documents:
        line: dict[str, None] = {}
        v1_id = first
        while v1_id and v1_id not in ordered:
            if v1_id not in documents:
                raise BadArchive(f"open {v1_id}/json: no such file or directory")
            if v1_id in line:
                raise BadArchive(f"image {v1_id} is its own parent")
            line[v1_id] = None
            v1_id = documents[v1_id].get("parent") or ""
        ordered |= dict.fromkeys(reversed(line))
    return list(ordered)
