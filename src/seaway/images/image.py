"""What an image is: its configuration document, whose digest is its ID, read once into a value."""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from seaway.base import gojson
from seaway.base.errors import InvalidParameter
from seaway.layers.chain import chain_ids
from seaway.model.container import ContainerConfig
from seaway.oci.digest import Digest, parse_digest, sha256_of
from seaway.oci.platform import Platform


class InvalidImage(InvalidParameter):
    pass


class HistoryEntry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    created: str = ""
    created_by: str = ""
    author: str = ""
    comment: str = ""
    empty_layer: bool = False


class _RootFS(msgspec.Struct, frozen=True):
    type: str = ""
    diff_ids: list[str] = []


class _Document(msgspec.Struct, frozen=True):
    architecture: str = ""
    os: str = ""
    variant: str = ""
    os_version: str = msgspec.field(default="", name="os.version")
    created: str = ""
    author: str = ""
    comment: str = ""
    docker_version: str = ""
    container: str = ""
    container_config: dict[str, Any] | None = None
    config: ContainerConfig | None = None
    history: list[HistoryEntry] = []
    rootfs: _RootFS | None = None


@dataclass(frozen=True, slots=True)
class Image:
    """`raw` is the document whose digest is `id`; `parent` is this engine's own knowledge, not the document's."""

    id: Digest
    raw: bytes = field(repr=False)
    config: ContainerConfig
    has_config: bool
    architecture: str
    os: str
    variant: str
    os_version: str
    created: str
    author: str
    comment: str
    docker_version: str
    container: str
    container_config: dict[str, Any] | None
    diff_ids: tuple[Digest, ...]
    chain_ids: tuple[Digest, ...] = field(repr=False)
    history: tuple[HistoryEntry, ...]
    parent: Digest | None = None
    last_tagged: str = ""

    @property
    def chain_id(self) -> Digest | None:
        """The name of all its layers as one; None where it has none."""
        return self.chain_ids[-1] if self.chain_ids else None

    @property
    def platform(self) -> Platform:
        return Platform(self.os, self.architecture, self.variant, self.os_version)

    @property
    def labels(self) -> dict[str, str]:
        return self.config.labels or {}


def parse_image(raw: bytes, parent: Digest | None = None, last_tagged: str = "") -> Image:
    """Raises InvalidImage."""
    try:
        document = gojson.decode(raw, _Document)
    except msgspec.DecodeError as failure:
        raise InvalidImage(f"invalid image JSON: {failure}") from failure
    if document.rootfs is None:
        raise InvalidImage("invalid image JSON, no RootFS key")
    diff_ids = tuple(parse_digest(d) for d in document.rootfs.diff_ids)
    return Image(
        id=sha256_of(raw),
        raw=raw,
        config=document.config or ContainerConfig(),
        has_config=document.config is not None,
        architecture=document.architecture,
        os=document.os,
        variant=document.variant,
        os_version=document.os_version,
        created=document.created,
        author=document.author,
        comment=document.comment or (document.history[-1].comment if document.history else ""),
        docker_version=document.docker_version,
        container=document.container,
        container_config=document.container_config,
        diff_ids=diff_ids,
        chain_ids=tuple(chain_ids(diff_ids)),
        history=tuple(document.history),
        parent=parent,
        last_tagged=last_tagged,
    )
