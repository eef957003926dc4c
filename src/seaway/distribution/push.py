"""A push of one tag: every layer into the repository by the cheapest way, then the config, then the manifest.

A layer that the registry has is not sent: a digest under which we know it is asked for in this repository, then a
mount from another one of the same registry. What is found out goes into the metadata, for the next push.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass

from seaway.content.compression import Compressed
from seaway.distribution import progress as p
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import NoBasicAuth, RegistryFailure, RegistryRefusal
from seaway.distribution.metadata import BlobMetadata, KnownBlob, is_ours, mount_candidates, signed
from seaway.distribution.progress import Meter, Progress, ProgressSink
from seaway.distribution.retry import repeated
from seaway.distribution.upload import Uploads, UploadSession
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, parse_digest, sha256_of
from seaway.oci.manifest import Descriptor

ATTEMPTS = 5
_SMALL, _MIDDLE = 100 << 10, 10 << 20


@dataclass(frozen=True, slots=True)
class LocalLayer:
    diff_id: Digest
    size: int
    """Bytes, about: the bar's length."""
    gzipped: Callable[[], AsyncGenerator[Compressed, None]]


@dataclass(frozen=True, slots=True)
class Pushed:
    digest: Digest
    size: int
    """Of the manifest."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a push goes, and as whom: `key` is `metadata.signing_key` of the credentials."""

    repository: Repository
    name: str
    """`docker.io/library/x`: how the metadata call the repository."""
    key: bytes
    config: RegistryConfig


class Pusher:
    """One for the engine: its slots are shared by all pushes. `metadata` is what earlier ones found out."""

    def __init__(self, metadata: BlobMetadata, slots: int = 5) -> None:
        self._metadata = metadata
        self._slots = asyncio.Semaphore(slots)

    def resize(self, slots: int) -> None:
        self._slots = asyncio.Semaphore(slots)

    async def push(
        self, target: Target, tag: str, config: bytes, layers: Sequence[LocalLayer], progress: ProgressSink
    ) -> Pushed:
        """`layers` base first. Raises what `RegistrySession` raises, and what reading a layer does."""
        uploads = Uploads(target.repository)
        unique = {layer.diff_id: layer for layer in reversed(layers)}
        for diff_id in unique:
            progress(Progress(diff_id.short, p.PREPARING))
        async with asyncio.TaskGroup() as group:
            described = group.create_task(_put_config(uploads, config))
            sent = {d: group.create_task(self._layer(target, uploads, one, progress)) for d, one in unique.items()}
        manifest = encode_manifest(described.result(), [sent[layer.diff_id].result() for layer in layers])
        await uploads.put_manifest(tag, manifest, mediatypes.DOCKER_MANIFEST)
        return Pushed(sha256_of(manifest), len(manifest))

    async def _layer(self, target: Target, uploads: Uploads, layer: LocalLayer, progress: ProgressSink) -> Descriptor:
        short = layer.diff_id.short
        if self._slots.locked():
            progress(Progress(short, p.WAITING))
        async with self._slots:
            way = _Way(target, uploads, layer, self._metadata, progress)
            with _shortly():
                descriptor = await repeated(way.take, ATTEMPTS, target.config.retry_delay_s, short, progress)
        found = KnownBlob(str(descriptor.digest), target.name)
        await self._metadata.add(layer.diff_id, signed(found, target.key))
        return descriptor


async def _put_config(uploads: Uploads, config: bytes) -> Descriptor:
    with _shortly():
        return await uploads.put_blob(config, mediatypes.DOCKER_CONFIG)


@contextmanager
def _shortly() -> Iterator[None]:
    """A push does not say which request nobody was allowed to make."""
    try:
        yield
    except NoBasicAuth as failure:
        raise NoBasicAuth("no basic auth credentials") from failure


@dataclass(frozen=True, slots=True)
class _Way:
    """How one layer gets there."""

    target: Target
    uploads: Uploads
    layer: LocalLayer
    metadata: BlobMetadata
    progress: ProgressSink

    async def take(self) -> Descriptor:
        known = await self.metadata.known(self.layer.diff_id)
        mounts, checks = attempts_for(self.layer.size)
        here = [b for b in reversed(known) if b.repository == self.target.name]
        if found := await self._existing(here[:1]):
            return self._done(found, p.LAYER_EXISTS)
        session: UploadSession | None = None
        for candidate in mount_candidates(known, self.target.name, self.target.key, mounts):
            source = candidate.repository.partition("/")[2]
            mounted, session = await self._mount(candidate, source, session)
            if mounted:
                return self._done(mounted, f"Mounted from {source}")
        if found := await self._existing([b for b in reversed(known) if b not in here[:1]][:checks]):
            return self._done(found, p.LAYER_EXISTS)
        async with aclosing(self._sending()) as blob:
            begun = session or await self.uploads.begin()
            return self._done(await self.uploads.send(begun, blob, mediatypes.DOCKER_LAYER), p.PUSHED)

    async def _existing(self, blobs: list[KnownBlob]) -> Descriptor | None:
        for blob in blobs:
            digest = parse_digest(blob.digest)
            size = await self.uploads.blob_size(digest)
            if size is not None:
                return Descriptor(mediatypes.DOCKER_LAYER, digest, size)
            if blob.repository == self.target.name and is_ours(blob, self.target.key):
                await self.metadata.remove(self.layer.diff_id, blob)
        return None

    async def _mount(
        self, candidate: KnownBlob, source: str, session: UploadSession | None
    ) -> tuple[Descriptor | None, UploadSession | None]:
        """The blob where that worked, or else an upload that stands open: the registry's answer, or the earlier one."""
        digest = parse_digest(candidate.digest)
        try:
            opened = await self.uploads.mount(digest, source)
        except (RegistryRefusal, RegistryFailure):
            return None, session
        if session:
            await self.uploads.cancel(session)
        if opened:
            await self.metadata.remove(self.layer.diff_id, candidate)
            return None, opened
        size = await self.uploads.blob_size(digest)
        return (None if size is None else Descriptor(mediatypes.DOCKER_LAYER, digest, size)), None

    async def _sending(self) -> AsyncGenerator[bytes, None]:
        meter = Meter(self.progress, Progress(self.layer.diff_id.short, p.PUSHING, 0, self.layer.size))
        sent = 0
        async with aclosing(self.layer.gzipped()) as pieces:
            async for piece in pieces:
                yield piece.data
                meter.add(piece.source_bytes - sent)
                sent = piece.source_bytes

    def _done(self, descriptor: Descriptor, status: str) -> Descriptor:
        self.progress(Progress(self.layer.diff_id.short, status))
        return descriptor


def attempts_for(size: int) -> tuple[int, int]:
    """How many mounts, and how many other digests to ask for, are worth it before so many bytes are sent."""
    if size > _MIDDLE:
        return 4, 3
    return (3, 1) if size > _SMALL else (1, 1)


def encode_manifest(config: Descriptor, layers: Sequence[Descriptor]) -> bytes:
    """Schema 2 as dockerd writes it, byte for byte."""
    document = {
        "schemaVersion": 2,
        "mediaType": mediatypes.DOCKER_MANIFEST,
        "config": _described(config),
        "layers": [_described(layer) for layer in layers],
    }
    return json.dumps(document, indent=3).encode()


def _described(descriptor: Descriptor) -> dict[str, object]:
    return {"mediaType": descriptor.media_type, "size": descriptor.size, "digest": str(descriptor.digest)}
