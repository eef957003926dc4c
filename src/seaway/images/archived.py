"""Which images an archive holds: `manifest.json` of a docker archive, or else `index.json` of an OCI layout."""

from dataclasses import dataclass, replace

import msgspec

from seaway.base import gojson
from seaway.images.spool import BadArchive, SpooledArchive
from seaway.oci.digest import Digest, digest_of, parse_digest
from seaway.oci.manifest import Descriptor, Index, Manifest, parse_manifest
from seaway.oci.platform import Platform, host_platform
from seaway.oci.reference import InvalidReference, Reference, parse_reference

CONTAINERD_NAME = "io.containerd.image.name"
OCI_REF_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """Members of the archive: the configuration, the layers base first; and the tags to give."""

    config: str
    layers: tuple[str, ...]
    names: tuple[Reference, ...]
    parent: Digest | None = None
    """The image it was built on, where the archive says so."""


class _Entry(msgspec.Struct, frozen=True):
    config: str = msgspec.field(default="", name="Config")
    repo_tags: list[str] = msgspec.field(default_factory=list, name="RepoTags")
    layers: list[str] = msgspec.field(default_factory=list, name="Layers")
    parent: str = msgspec.field(default="", name="Parent")


async def plan_load(archive: SpooledArchive, platform: Platform | None = None) -> list[ArchivedImage]:
    """Of an index, the image for `platform`, or else for this host. Raises BadArchive, InvalidManifest."""
    if "manifest.json" in archive:
        return _from_docker(await archive.read("manifest.json"))
    if "index.json" in archive:
        return await _from_oci(archive, platform)
    raise BadArchive("open manifest.json: no such file or directory")


def _from_docker(data: bytes) -> list[ArchivedImage]:
    try:
        entries = gojson.decode(data, list[_Entry])
    except msgspec.DecodeError as failure:
        raise BadArchive(f"invalid manifest.json: {failure}") from failure
    return [
        ArchivedImage(
            e.config,
            tuple(e.layers),
            tuple(_tag(t) for t in e.repo_tags),
            parse_digest(e.parent) if e.parent else None,
        )
        for e in entries
    ]


def _tag(text: str) -> Reference:
    reference = parse_reference(text)
    if not reference.tag:
        raise BadArchive(f'invalid tag "{text}"')
    return replace(reference, digest=None)


async def _from_oci(archive: SpooledArchive, platform: Platform | None) -> list[ArchivedImage]:
    """One image for each manifest, with all the names that the index gives it."""
    index = parse_manifest(await archive.read("index.json"))
    if not isinstance(index, Index):
        raise BadArchive("index.json is not an image index")
    images: dict[Digest, ArchivedImage] = {}
    for descriptor in index.manifests:
        found = await _manifest(archive, descriptor, platform)
        if found is None:
            continue
        digest, manifest = found
        known = images.get(digest)
        names = (*(known.names if known else ()), *_names(descriptor))
        layers = tuple(_blob(layer.digest) for layer in manifest.layers)
        images[digest] = ArchivedImage(_blob(manifest.config.digest), layers, names)
    return list(images.values())


async def _manifest(
    archive: SpooledArchive, descriptor: Descriptor, platform: Platform | None
) -> tuple[Digest, Manifest] | None:
    """The manifest, or of an index the one for this host."""
    data = await archive.read(_blob(descriptor.digest))
    if digest_of(descriptor.digest.algorithm, data) != descriptor.digest:
        raise BadArchive(f"blob {descriptor.digest} has other content")
    document = parse_manifest(data, descriptor.media_type)
    if isinstance(document, Index):
        chosen = document.choose(platform, host_platform())
        return await _manifest(archive, chosen, platform) if chosen else None
    return (descriptor.digest, document) if isinstance(document, Manifest) else None


def _names(descriptor: Descriptor) -> tuple[Reference, ...]:
    """A bare `ref.name` is a tag without a repository: no name for an image."""
    text = descriptor.annotations.get(CONTAINERD_NAME) or descriptor.annotations.get(OCI_REF_NAME, "")
    if ":" not in text and "/" not in text:
        return ()
    try:
        reference = parse_reference(text)
    except InvalidReference:
        return ()
    return () if reference.digest else (reference.with_default_tag(),)


def _blob(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.hex}"
