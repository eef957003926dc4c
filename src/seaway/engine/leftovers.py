"""What `seaway fsck` finds without asking who uses it: what a killed engine left, bad downloads and bad notes."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seaway.base.errors import EngineError
from seaway.distribution.metadata import BlobMetadata
from seaway.layers.gc import Finding, Kind
from seaway.oci.digest import is_digest, parse_digest

CHUNK = 1 << 20
HALF_DONE = (
    *("image/*/layerdb/sha256/*-removing", "overlay2/*-removing", "vfs/dir/*-removing"),
    *("seaway/new/*", "volumes/.*.new"),
)
TRASH = ("*/.seaway-trash/*", "seaway/trash/*")
SCRATCH = ("tmp/*", ".tmp-*", "*/.tmp-*", "image/**/.tmp-*", "containers/*/.tmp-*", "seaway/*/.tmp-*")
"""Below the data root. dockerd names its temporary files so, too."""


def find_leftovers(root: Path) -> Iterator[Finding]:
    for kind, patterns in ((Kind.UNFINISHED, HALF_DONE), (Kind.TRASH, TRASH), (Kind.SCRATCH, SCRATCH)):
        for path in sorted({path for pattern in patterns for path in root.glob(pattern)}):
            yield Finding(kind, str(path.relative_to(root)), path)
    blobs = root / "seaway/blobs"
    for file in sorted(blobs.glob("blobs/*/*")):
        if not _is_what_it_says(file):
            yield Finding(Kind.BLOB, file.name, file)
    for file in sorted(blobs.glob("ingest/*")):
        if not is_digest(file.name.replace("-", ":", 1)):
            yield Finding(Kind.BLOB, file.name, file)
    for notes in sorted(root.glob("image/*/distribution")):
        yield from _bad_notes(notes)


def _is_what_it_says(blob: Path) -> bool:
    if not is_digest(f"{blob.parent.name}:{blob.name}"):
        return False
    with open(blob, "rb") as file:
        found = hashlib.new(blob.parent.name)
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest() == blob.name


def _bad_notes(root: Path) -> Iterator[Finding]:
    """The way back from a digest to its diff ID is written first, so that it is there whenever the way there is."""
    metadata = BlobMetadata(root)
    for file in sorted(root.glob("diffid-by-digest/*/*")):
        if not is_digest(file.read_text(errors="replace")) or file.name.startswith("."):
            yield Finding(Kind.NOTES, file.name, file)
    for file in sorted(root.glob("v2metadata-by-diffid/*/*")):
        try:
            known = metadata.read(parse_digest(f"{file.parent.name}:{file.name}"))
        except (EngineError, msgspec.DecodeError):
            known = None
        if known is None or not all(metadata.leads_back(blob) for blob in known):
            yield Finding(Kind.NOTES, file.name, file)
