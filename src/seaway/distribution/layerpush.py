"""How one layer gets into a repository: the cheapest way that works."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass

from seaway.content.compression import Compressed
from seaway.distribution import progress as p
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryFailure, RegistryRefusal
from seaway.distribution.metadata import BlobMetadata, KnownBlob, is_ours, mount_candidates
from seaway.distribution.progress import Meter, Progress, ProgressSink
from seaway.distribution.upload import Uploads, UploadSession
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, parse_digest
from seaway.oci.manifest import Descriptor

_SMALL, _MIDDLE = 100 << 10, 10 << 20


@dataclass(frozen=True, slots=True)
class LocalLayer:
    diff_id: Digest
    size: int
    """Bytes, about: the bar's length."""
    gzipped: Callable[[], AsyncGenerator[Compressed, None]]


@dataclass(frozen=True, slots=True)
class Target:
    """Where a push goes, and as whom: `key` is `metadata.signing_key` of the credentials."""

    repository: Repository
    name: str
    """`docker.io/library/x`: how the metadata call the repository."""
    key: bytes
    config: RegistryConfig


@dataclass(frozen=True, slots=True)
class Way:
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
