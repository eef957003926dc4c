"""What in an image and layer store belongs to nothing, and what lacks something. Pure: a listing becomes findings.

image -> layers, by chain ID -> driver directories, by cache ID <- containers' own layers
name  -> image
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path


class Kind(Enum):
    UNFINISHED = "what a killed engine was making or removing"
    DIRECTORY = "a layer's directory without a record"
    LINK = "a short name that leads nowhere"
    LAYER = "a layer without an image"
    MOUNT = "the layer of a container that is gone"
    METADATA = "notes about an image that is gone"
    NAME = "a name of an image that is gone"
    NO_DIRECTORY = "a layer whose directory is gone"
    NO_LAYER = "an image that lacks a layer"
    DAMAGED = "an image whose document is not what its ID says"


DAMAGE = frozenset({Kind.NO_DIRECTORY, Kind.NO_LAYER, Kind.DAMAGED})
"""Nothing that could be repaired here: the image has to be pulled or loaded again."""


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    name: str
    path: Path | None = None
    """What a repair removes."""


@dataclass(frozen=True, slots=True)
class LayerRecord:
    parent: str | None
    cache_id: str


@dataclass(frozen=True, slots=True)
class MountRecord:
    directories: tuple[str, ...]
    """Its own and its init layer's."""
    parent: str | None


@dataclass(frozen=True, slots=True)
class ImageRecord:
    chains: tuple[str, ...]
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Listing:
    """The stores as they are on disk. Records are named as their directories are: by hexadecimal digits."""

    driver_home: Path
    layerdb: Path
    imagedb: Path
    layers: Mapping[str, LayerRecord]
    mounts: Mapping[str, MountRecord]
    unfinished: tuple[Path, ...]
    images: Mapping[str, ImageRecord]
    metadata: frozenset[str]
    directories: frozenset[str]
    containers: frozenset[str]
    names: Mapping[str, str] = field(default_factory=dict)
    """Reference -> image."""
    broken_links: tuple[Path, ...] = ()
    keeps_unused_layers: bool = False
    """BuildKit has a cache here, whose layers no image has."""


def find_orphans(found: Listing) -> Iterator[Finding]:
    """In the order in which they can be repaired: what needs something comes before it."""
    for path in found.unfinished:
        yield Finding(Kind.UNFINISHED, path.name, path)
    for container in sorted(found.mounts.keys() - found.containers):
        yield Finding(Kind.MOUNT, container, found.layerdb / "mounts" / container)
    for name, image in sorted(found.names.items()):
        if image not in found.images:
            yield Finding(Kind.NAME, name)
    for image in sorted(found.metadata - found.images.keys()):
        yield Finding(Kind.METADATA, image, found.imagedb / "metadata/sha256" / image)
    yield from _damaged(found)
    unused = _unused(found)
    for chain in sorted(unused):
        yield Finding(Kind.LAYER, chain, found.layerdb / "sha256" / chain)
    wanted = {layer.cache_id for chain, layer in found.layers.items() if chain not in unused}
    for container, mount in found.mounts.items():
        if container in found.containers:
            wanted.update(mount.directories)
    for directory in sorted(found.directories - wanted):
        yield Finding(Kind.DIRECTORY, directory, found.driver_home / directory)
    for link in found.broken_links:
        yield Finding(Kind.LINK, link.name, link)


def _damaged(found: Listing) -> Iterator[Finding]:
    for image, record in sorted(found.images.items()):
        if not record.is_whole:
            yield Finding(Kind.DAMAGED, image)
        elif any(chain not in found.layers for chain in record.chains):
            yield Finding(Kind.NO_LAYER, image)
    for chain, layer in sorted(found.layers.items()):
        if layer.cache_id not in found.directories:
            yield Finding(Kind.NO_DIRECTORY, chain)


def _unused(found: Listing) -> set[str]:
    """Layers that neither an image, nor a container, nor a layer of theirs stands on."""
    if found.keeps_unused_layers:
        return set()
    marked: set[str] = set()
    tops = [record.chains[-1] for record in found.images.values() if record.chains]
    tops += [m.parent for container, m in found.mounts.items() if m.parent and container in found.containers]
    for top in tops:
        chain: str | None = top
        while chain is not None and chain not in marked and (layer := found.layers.get(chain)):
            marked.add(chain)
            chain = layer.parent
    return found.layers.keys() - marked
