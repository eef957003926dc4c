"""Downloads of layers: a few at a time over all pulls, resumed and repeated as long as there is hope."""

import asyncio

from seaway.content.blobs import BlobStore, Ingest, VerificationFailed
from seaway.distribution import progress as p
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryFailure
from seaway.distribution.progress import Meter, Progress, ProgressSink
from seaway.distribution.retry import repeated
from seaway.oci.manifest import Descriptor

KEPT_S = 7 * 24 * 3600
"""How long what a broken pull left waits for somebody to come back to it."""
_LOOK_EVERY_S = 24 * 3600


class ResumedWrongly(RegistryFailure):
    """What was there and what came do not fit together; from the start it may."""


class Downloads:
    """One for the engine: it owns the slots that all pulls share. Blobs end up in `blobs`, verified."""

    def __init__(self, blobs: BlobStore, slots: int = 3) -> None:
        self.blobs = blobs
        self._slots = asyncio.Semaphore(slots)

    def resize(self, slots: int) -> None:
        self._slots = asyncio.Semaphore(slots)

    async def fetch(
        self, repository: Repository, layer: Descriptor, progress: ProgressSink, config: RegistryConfig
    ) -> None:
        """Raises RegistryRefusal at once, and what else went wrong after the last attempt."""
        short = layer.digest.short
        if self._slots.locked():
            progress(Progress(short, p.WAITING))
        async with self._slots:
            await repeated(
                lambda: self._attempt(repository, layer, progress),
                config.max_download_attempts,
                config.retry_delay_s,
                short,
                progress,
            )
        progress(Progress(short, p.DOWNLOAD_COMPLETE))

    async def _attempt(self, repository: Repository, layer: Descriptor, progress: ProgressSink) -> None:
        async with self.blobs.ingest(layer.digest) as ingest:
            if ingest is None:
                return
            resumed = ingest.size_bytes > 0
            if ingest.size_bytes != layer.size:
                await _receive(ingest, repository, layer, progress)
            progress(Progress(layer.digest.short, p.VERIFYING))
            try:
                await ingest.commit()
            except VerificationFailed as failure:
                if resumed:
                    raise ResumedWrongly(failure.message) from failure
                raise


async def _receive(ingest: Ingest, repository: Repository, layer: Descriptor, progress: ProgressSink) -> None:
    if ingest.size_bytes > layer.size:
        await ingest.restart()
    async with repository.blob(layer.digest, ingest.size_bytes) as body:
        if body.offset != ingest.size_bytes:
            await ingest.restart()
        bar = Progress(layer.digest.short, p.DOWNLOADING, ingest.size_bytes, layer.size)
        meter = Meter(progress, bar)
        async for chunk in body.chunks():
            if ingest.size_bytes + len(chunk) > layer.size:
                await ingest.restart()
                raise VerificationFailed(f"filesystem layer verification failed for digest {layer.digest}")
            await ingest.write(chunk)
            meter.add(len(chunk))


async def forget_partial_downloads(blobs: BlobStore) -> None:
    """At start, and once a day as long as the engine runs."""
    while True:
        await blobs.prune(KEPT_S)
        await asyncio.sleep(_LOOK_EVERY_S)
