"""Manifests and indexes: parsed once from their bytes into values; the bytes are what a digest is of.

Docker's schema 2 and OCI's have the same shape. Schema 1 is recognised, and refused by who asks for it.
"""

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import msgspec

from seaway.base import gojson
from seaway.base.errors import InvalidParameter
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, parse_digest
from seaway.oci.platform import Platform


class InvalidManifest(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class Descriptor:
    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    platform: Platform | None = None

    def to_wire(self) -> dict[str, Any]:
        wire: dict[str, Any] = {"mediaType": self.media_type, "digest": str(self.digest), "size": self.size}
        if self.urls:
            wire["urls"] = list(self.urls)
        if self.annotations:
            wire["annotations"] = dict(self.annotations)
        if self.platform:
            wire["platform"] = {"architecture": self.platform.architecture, "os": self.platform.os}
            if self.platform.os_version:
                wire["platform"]["os.version"] = self.platform.os_version
            if self.platform.variant:
                wire["platform"]["variant"] = self.platform.variant
        return wire


@dataclass(frozen=True, slots=True)
class Manifest:
    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    """Base first."""

    def to_wire(self) -> dict[str, Any]:
        return {
            "schemaVersion": 2,
            "mediaType": self.media_type,
            "config": self.config.to_wire(),
            "layers": [layer.to_wire() for layer in self.layers],
        }


@dataclass(frozen=True, slots=True)
class Index:
    media_type: str
    manifests: tuple[Descriptor, ...]

    def choose(self, wanted: Platform | None, host: Platform) -> Descriptor | None:
        """The manifest for `wanted`, or else the best for the host; the first one listed wins among equals."""
        candidates = (wanted.normalised(),) if wanted else host.runnable()
        for candidate in candidates:
            for descriptor in self.manifests:
                if descriptor.platform and descriptor.platform.satisfies(candidate):
                    return descriptor
        return None


@dataclass(frozen=True, slots=True)
class Schema1:
    """An old manifest. Nothing is read from it."""


def parse_manifest(data: bytes, content_type: str = "") -> Manifest | Index | Schema1:
    """`content_type` is the server's word for it; the document's own `mediaType` is used where that says nothing."""
    try:
        wire = gojson.decode(data, _Document)
        media_type = _media_type(wire, content_type)
        if media_type in mediatypes.SCHEMA1_TYPES:
            return Schema1()
        if media_type in mediatypes.INDEXES:
            return Index(media_type, tuple(_descriptor(d) for d in wire.manifests))
        if media_type not in mediatypes.MANIFESTS:
            raise InvalidManifest(f"unsupported manifest media type and no default available: {media_type}")
        if wire.config is None:
            raise InvalidManifest("invalid manifest: no config")
        return Manifest(media_type, _descriptor(wire.config), tuple(_descriptor(d) for d in wire.layers))
    except msgspec.DecodeError as failure:
        raise InvalidManifest(f"invalid manifest: {failure}") from failure


class _Platform(msgspec.Struct, frozen=True):
    os: str = ""
    architecture: str = ""
    variant: str = ""
    os_version: str = msgspec.field(default="", name="os.version")


class _Descriptor(msgspec.Struct, frozen=True, rename="camel"):
    media_type: str = ""
    digest: str = ""
    size: int = 0
    urls: tuple[str, ...] = ()
    annotations: dict[str, str] = {}
    platform: _Platform | None = None


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    schema_version: int = 0
    media_type: str = ""
    config: _Descriptor | None = None
    layers: tuple[_Descriptor, ...] = ()
    manifests: tuple[_Descriptor, ...] = ()


def _media_type(wire: _Document, content_type: str) -> str:
    claimed = content_type.partition(";")[0].strip()
    known = mediatypes.MANIFESTS | mediatypes.INDEXES | mediatypes.SCHEMA1_TYPES
    if wire.media_type and claimed in known and wire.media_type != claimed:
        raise InvalidManifest(f"if present, mediaType in manifest should be '{claimed}' not '{wire.media_type}'")
    if claimed in known:
        return claimed
    if wire.schema_version == 1:
        return mediatypes.SCHEMA1_SIGNED
    if wire.media_type:
        return wire.media_type
    return mediatypes.OCI_INDEX if wire.manifests else mediatypes.OCI_MANIFEST


def _descriptor(wire: _Descriptor) -> Descriptor:
    platform = wire.platform and Platform(
        wire.platform.os, wire.platform.architecture, wire.platform.variant, wire.platform.os_version
    )
    if wire.size < 0:
        raise InvalidManifest(f"invalid manifest: negative size of {wire.digest}")
    digest = parse_digest(wire.digest)
    return Descriptor(
        wire.media_type, digest, wire.size, wire.urls, MappingProxyType(wire.annotations), platform or None
    )
