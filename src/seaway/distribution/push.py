"""A push of one tag: every layer into the repository by the cheapest way, then the config, then the manifest.

A layer that the registry has is not sent: a digest under which we know it is asked for in this repository, then a
mount from another one of the same registry. What is found out goes into the metadata, for the next push.
"""

import asyncio
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from seaway.distribution import progress as p
from seaway.distribution.errors import NoBasicAuth
from seaway.distribution.flights import Flights
from seaway.distribution.layerpush import LocalLayer, Target, Way
from seaway.distribution.metadata import BlobMetadata, KnownBlob, signed
from seaway.distribution.progress import Progress, ProgressSink, silent
from seaway.distribution.retry import repeated, repeated_when_told
from seaway.distribution.slots import Slots
from seaway.distribution.upload import Uploads
from seaway.oci import mediatypes
from seaway.oci.digest import Digest, sha256_of
from seaway.oci.manifest import Descriptor

ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Pushed:
    digest: Digest
    size: int
    """Of the manifest."""


class Pusher:
    """One for the engine: its slots are shared by all pushes. `metadata` is what earlier ones found out."""

    def __init__(self, metadata: BlobMetadata, slots: int = 5) -> None:
        self._metadata = metadata
        self.slots = Slots(slots)
        self._sending = Flights()

    async def push(
        self, target: Target, tag: str, config: bytes, layers: Sequence[LocalLayer], progress: ProgressSink
    ) -> Pushed:
        """`layers` base first. Raises what `RegistrySession` raises, and what reading a layer does."""
        uploads = Uploads(target.repository)
        unique = {layer.diff_id: layer for layer in reversed(layers)}
        for diff_id in unique:
            progress(Progress(diff_id.short, p.PREPARING))
        async with asyncio.TaskGroup() as group:
            described = group.create_task(_put_config(target, uploads, config, progress))
            sent = {d: group.create_task(self._layer(target, uploads, one, progress)) for d, one in unique.items()}
        manifest = encode_manifest(described.result(), [sent[layer.diff_id].result() for layer in layers])
        await repeated_when_told(lambda: uploads.put_manifest(tag, manifest, mediatypes.DOCKER_MANIFEST), tag, progress)
        return Pushed(sha256_of(manifest), len(manifest))

    async def _layer(self, target: Target, uploads: Uploads, layer: LocalLayer, progress: ProgressSink) -> Descriptor:
        """Of two pushes of a layer into one repository, the second finds what the first has sent."""
        sent: list[Descriptor] = []

        async def send(progress: ProgressSink) -> None:
            sent.append(await self._send(target, uploads, layer, progress))

        if not await self._sending.share((target.name, layer.diff_id), send, progress):
            await send(silent)
        return sent[0]

    async def _send(self, target: Target, uploads: Uploads, layer: LocalLayer, progress: ProgressSink) -> Descriptor:
        short = layer.diff_id.short
        if self.slots.are_taken():
            progress(Progress(short, p.WAITING))
        async with self.slots.one():
            way = Way(target, uploads, layer, self._metadata, progress)
            with _shortly():
                descriptor = await repeated(way.take, ATTEMPTS, target.config.retry_delay_s, short, progress)
        found = KnownBlob(str(descriptor.digest), target.name)
        await self._metadata.add(layer.diff_id, signed(found, target.key))
        return descriptor


async def _put_config(target: Target, uploads: Uploads, config: bytes, progress: ProgressSink) -> Descriptor:
    with _shortly():
        return await repeated(
            lambda: uploads.put_blob(config, mediatypes.DOCKER_CONFIG),
            ATTEMPTS,
            target.config.retry_delay_s,
            sha256_of(config).short,
            progress,
        )


@contextmanager
def _shortly() -> Iterator[None]:
    """A push does not say which request nobody was allowed to make."""
    try:
        yield
    except NoBasicAuth as failure:
        raise NoBasicAuth("no basic auth credentials") from failure


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
