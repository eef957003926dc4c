"""`docker save`: an archive in the layout of docker 25 and later, which is a docker archive and an OCI layout at once.

    blobs/sha256/<hex>      layers (uncompressed), configurations, manifests; each once
    index.json              OCI: a descriptor for every name
    manifest.json           docker: Config, RepoTags, Layers, LayerSources, Parent
    oci-layout
    repositories            for old tools: {name: {tag: top layer}}; the layers' v1 documents are blobs

The same images give the same bytes. One layer at a time lies in a nameless file, since a tar needs its length first.
"""

import os
import tarfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from seaway.base import gojson
from seaway.images.archived import CONTAINERD_NAME, OCI_REF_NAME
from seaway.images.catalog import Catalog, as_digest
from seaway.images.image import Image
from seaway.images.spool import fill, scratch_file
from seaway.images.v1 import v1_documents
from seaway.kernel.worker import run_blocking
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, sha256_of
from seaway.oci.manifest import Descriptor, Manifest
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference, parse_reference

CHUNK = 1 << 20
_LAYOUT = b'{"imageLayoutVersion": "1.0.0"}'


@dataclass(slots=True)
class _Wanted:
    image: Image
    names: list[Reference] = field(default_factory=list)


def plan_save(catalog: Catalog, names: Iterable[str], platform: Platform | None = None) -> list[_Wanted]:
    """A repository's name means all its tags; an ID has none. Raises NoSuchImage."""
    wanted: dict[Digest, _Wanted] = {}
    for name in names:
        for image, reference in _meant(catalog, name, platform):
            entry = wanted.setdefault(image.id, _Wanted(image))
            if reference and reference not in entry.names:
                entry.names.append(reference)
    return list(wanted.values())


def _meant(catalog: Catalog, name: str, platform: Platform | None) -> list[tuple[Image, Reference | None]]:
    if as_digest(name):
        return [(catalog.resolve(name, platform), None)]
    reference = parse_reference(name)
    if reference.is_name_only:
        tags = [r for r in catalog.references.references_by_name(reference) if not r.digest]
        if tags:
            return [(catalog.resolve(r.familiar, platform), r) for r in sorted(tags, key=lambda r: r.familiar)]
    image = catalog.resolve(name, platform)
    is_tag = reference.tag and reference in catalog.references.references(image.id)
    return [(image, reference if is_tag else None)]


async def save_images(catalog: Catalog, wanted: list[_Wanted], scratch: Path) -> AsyncIterator[bytes]:
    """The archive. Take `wanted` from `plan_save`, whose failures come before the first byte."""
    sizes: dict[Digest, int] = {}
    async with catalog.layers.transaction():
        for directory in ("blobs/", "blobs/sha256/"):
            yield _header(directory, 0)
        for entry in wanted:
            for chain, diff_id in zip(entry.image.chain_ids, entry.image.diff_ids, strict=True):
                if diff_id not in sizes:
                    async with aclosing(_layer(catalog, chain, diff_id, scratch, sizes)) as chunks:
                        async for chunk in chunks:
                            yield chunk
        for name, data in _documents(wanted, sizes).items():
            yield _header(name, len(data)) + data + _padding(len(data))
        yield bytes(2 * tarfile.BLOCKSIZE)
    for entry in wanted:
        catalog.announce("save", entry.image)


async def _layer(
    catalog: Catalog, chain: Digest, diff_id: Digest, scratch: Path, sizes: dict[Digest, int]
) -> AsyncGenerator[bytes, None]:
    async with scratch_file(scratch) as fd:
        async with aclosing(catalog.layers.tar_stream(chain)) as tar:
            size = sizes[diff_id] = await fill(fd, tar)
        yield _header(_blob(diff_id), size)
        for position in range(0, size, CHUNK):
            yield await run_blocking(os.pread, fd, CHUNK, position)
        yield _padding(size)


def _documents(wanted: list[_Wanted], sizes: dict[Digest, int]) -> dict[str, bytes]:
    """Everything but the layers, by member name."""
    documents: dict[str, bytes] = {}
    index: list[dict[str, Any]] = []
    for entry in wanted:
        manifest = gojson.encode(_manifest(entry.image, sizes).to_wire())
        digest = sha256_of(manifest)
        documents[_blob(entry.image.id)] = entry.image.raw
        documents[_blob(digest)] = manifest
        documents |= _v1_blobs(entry.image)
        platform = Platform(entry.image.os, entry.image.architecture, entry.image.variant)
        descriptor = Descriptor(mediatypes.OCI_MANIFEST, digest, len(manifest), platform=platform).to_wire()
        index += [{**descriptor, "annotations": _annotations(name)} for name in entry.names] or [descriptor]
    documents["index.json"] = gojson.encode({"schemaVersion": 2, "mediaType": mediatypes.OCI_INDEX, "manifests": index})
    saved = {entry.image.id for entry in wanted}
    documents["manifest.json"] = gojson.encode([_docker_entry(entry, sizes, saved) for entry in wanted])
    documents["oci-layout"] = _LAYOUT
    if repositories := _repositories(wanted):
        documents["repositories"] = gojson.encode(repositories)
    return documents


def _v1_blobs(image: Image) -> dict[str, bytes]:
    documents = (gojson.encode(document, escape_html=True) for document in v1_documents(image))
    return {_blob(sha256_of(document)): document for document in documents}


def _repositories(wanted: list[_Wanted]) -> dict[str, dict[str, str]]:
    tops: dict[str, dict[str, str]] = {}
    for entry in wanted:
        for name in entry.names if entry.image.diff_ids else ():
            tops.setdefault(name.familiar_name, {})[name.tag or ""] = entry.image.diff_ids[-1].hex
    return tops


def _manifest(image: Image, sizes: dict[Digest, int]) -> Manifest:
    config = Descriptor(mediatypes.OCI_CONFIG, image.id, len(image.raw))
    layers = tuple(Descriptor(mediatypes.OCI_LAYER, d, sizes[d]) for d in image.diff_ids)
    return Manifest(mediatypes.OCI_MANIFEST, config, layers)


def _docker_entry(entry: _Wanted, sizes: dict[Digest, int], saved: set[Digest]) -> dict[str, Any]:
    sources = {str(layer.digest): layer.to_wire() for layer in _manifest(entry.image, sizes).layers}
    parent = {"Parent": str(entry.image.parent)} if entry.image.parent in saved else {}
    return {
        "Config": _blob(entry.image.id),
        "RepoTags": [name.familiar for name in entry.names] or None,
        "Layers": [_blob(d) for d in entry.image.diff_ids],
        **parent,
        "LayerSources": sources,
    }


def _annotations(name: Reference) -> dict[str, str]:
    return {CONTAINERD_NAME: str(name), OCI_REF_NAME: name.tag or ""}


def _blob(digest: Digest) -> str:
    return f"blobs/sha256/{digest.hex}"


def _header(name: str, size: int) -> bytes:
    info = tarfile.TarInfo(name.rstrip("/"))
    info.size = size
    info.mode = 0o755 if name.endswith("/") else 0o644
    info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    return info.tobuf(tarfile.GNU_FORMAT)


def _padding(size: int) -> bytes:
    return bytes(-size % tarfile.BLOCKSIZE)
