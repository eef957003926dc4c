"""Downloads of layers: a few at a time over all pulls, resumed and repeated as long as there is hope."""

import asyncio
from functools import partial

from seaway.content.blobs import BlobStore, Ingest, VerificationFailed
from seaway.distribution import progress as p
from seaway.distribution.client import RangeRefused, Repository
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryFailure
from seaway.distribution.flights import Flights
from seaway.distribution.progress import Meter, Progress, ProgressSink
from seaway.distribution.retry import repeated
from seaway.distribution.slots import Slots
from seaway.oci.manifest import Descriptor

KEPT_S = 7 * 24 * 3600
"""How long what a broken pull left waits for somebody to come back to it."""
_LOOK_EVERY_S = 24 * 3600


class ResumedWrongly(RegistryFailure):
    """What was there and what came do not fit together; from the start it may."""


class Downloads:
    """One for the engine: it owns the slots that all pulls share. Blobs end up in `blobs`, verified.

    `unpacking` is for the pulls: a layer that two of them have is unpacked once.
    """

    def __init__(self, blobs: BlobStore, slots: int = 3) -> None:
        self.blobs = blobs
        self.unpacking = Flights()
        self._fetching = Flights()
        self.slots = Slots(slots)

    async def fetch(
        self, repository: Repository, layer: Descriptor, progress: ProgressSink, config: RegistryConfig
    ) -> None:
        """Raises RegistryRefusal at once, and what else went wrong after the last attempt."""
        work = partial(self._fetch, repository, layer, config)
        await self._fetching.share(layer.digest, work, progress)

    async def _fetch(
        self, repository: Repository, layer: Descriptor, config: RegistryConfig, progress: ProgressSink
    ) -> None:
        short = layer.digest.short
        if self.slots.are_taken():
            progress(Progress(short, p.WAITING))
        async with self.slots.one():
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
                try:
                    await _receive(ingest, repository, layer, progress)
                except RangeRefused:
                    await ingest.restart()
                    raise
            progress(Progress(layer.digest.short, p.VERIFYING))
            if ingest.size_bytes < layer.size:
                await _refuse_short(ingest, layer)
            try:
                await ingest.commit()
            except VerificationFailed as failure:
                if resumed:
                    raise ResumedWrongly(failure.message) from failure
                raise


async def _receive(ingest: Ingest, repository: Repository, layer: Descriptor, progress: ProgressSink) -> None:
    if ingest.size_bytes > layer.size:
        await ingest.restart()
    async with repository.layer(layer, ingest.size_bytes) as body:
        if body.offset != ingest.size_bytes:
            await ingest.restart()
        bar = Progress(layer.digest.short, p.DOWNLOADING, ingest.size_bytes, layer.size)
        meter = Meter(progress, bar)
        async for chunk in body.chunks():
            if ingest.size_bytes + len(chunk) > layer.size:
                await ingest.restart()
                raise VerificationFailed(
                    f"filesystem layer verification failed for digest {layer.digest}: more than the {layer.size} bytes "
                    "that the manifest says"
                )
            await ingest.write(chunk)
            meter.add(len(chunk))


async def _refuse_short(ingest: Ingest, layer: Descriptor) -> None:
    """Either the manifest lies about the size, or the rest is still to come."""
    if await ingest.is_whole():
        raise VerificationFailed(
            f"filesystem layer verification failed for digest {layer.digest}: {ingest.size_bytes} bytes, where the "
            f"manifest says {layer.size}"
        )
    raise RegistryFailure("unexpected EOF")


async def forget_partial_downloads(blobs: BlobStore) -> None:
    """At start, and once a day as long as the engine runs."""
    while True:
        await blobs.prune(KEPT_S)
        await asyncio.sleep(_LOOK_EVERY_S)
