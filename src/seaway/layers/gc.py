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
    LOST_LINK = "a layer that has lost its short name"
    RECORD = "a layer's record that lacks a part"
    LAYER = "a layer without an image"
    MOUNT = "the layer of a container that is gone"
    METADATA = "notes about an image that is gone"
    NAME = "a name of an image that is gone"
    TRASH = "what was removed and still takes space"
    SCRATCH = "a file that was being written"
    BLOB = "a download that is not what its digest says"
    NOTES = "notes of a registry's blobs that cannot be read or followed"
    NO_DIRECTORY = "a layer whose directory is gone"
    NO_LAYER = "an image that lacks a layer"
    NO_MOUNT = "a container that has lost its layer"
    NO_CONFIG = "a container whose configuration cannot be read"
    NO_NAMES = "a list of names that cannot be read"
    DAMAGED = "an image whose document is not what its ID says"


IMAGE_DAMAGE = frozenset({Kind.NO_DIRECTORY, Kind.NO_LAYER, Kind.DAMAGED})
"""The image has to be pulled or loaded again."""
DAMAGE = IMAGE_DAMAGE | {Kind.NO_MOUNT, Kind.NO_CONFIG, Kind.NO_NAMES}
"""Nothing that could be repaired here."""


@dataclass(frozen=True, slots=True)
class Finding:
    kind: Kind
    name: str
    path: Path | None = None
    """What a repair removes, or for `LOST_LINK` makes."""


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
    directories: Mapping[str, str]
    """Cache ID -> short name; "" where the driver has none."""
    containers: frozenset[str]
    """Whose layers are wanted; under their layers' names the images that they mount."""
    layered: frozenset[str] = frozenset()
    """The containers that have to have a layer of this driver's."""
    names: Mapping[str, str] = field(default_factory=dict)
    """Reference -> image."""
    links: Mapping[str, str] = field(default_factory=dict)
    """Short name -> cache ID."""
    broken_records: tuple[Path, ...] = ()
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
    for record in found.broken_records:
        yield Finding(Kind.RECORD, record.name, record)
    unused = _unused(found)
    for chain in sorted(unused):
        yield Finding(Kind.LAYER, chain, found.layerdb / "sha256" / chain)
    wanted = {layer.cache_id for chain, layer in found.layers.items() if chain not in unused}
    for container, mount in found.mounts.items():
        if container in found.containers:
            wanted.update(mount.directories)
    for directory in sorted(found.directories.keys() - wanted):
        yield Finding(Kind.DIRECTORY, directory, found.driver_home / directory)
    for link, directory in sorted(found.links.items()):
        if found.directories.get(directory) != link:
            yield Finding(Kind.LINK, link, found.driver_home / "l" / link)
    for directory in sorted(found.directories.keys() & wanted):
        if (link := found.directories[directory]) and found.links.get(link) != directory:
            yield Finding(Kind.LOST_LINK, directory, found.driver_home / "l" / link)


def _damaged(found: Listing) -> Iterator[Finding]:
    for image, record in sorted(found.images.items()):
        if not record.is_whole:
            yield Finding(Kind.DAMAGED, image)
        elif any(chain not in found.layers for chain in record.chains):
            yield Finding(Kind.NO_LAYER, image)
    for chain, layer in sorted(found.layers.items()):
        if layer.cache_id not in found.directories:
            yield Finding(Kind.NO_DIRECTORY, chain)
    for container in sorted(found.layered):
        mount = found.mounts.get(container)
        if mount is None or any(directory not in found.directories for directory in mount.directories):
            yield Finding(Kind.NO_MOUNT, container)


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
