"""A pull: resolve the reference, fetch what the sink lacks, and register it base first, telling how it goes.

Layers download and are unpacked side by side, and are registered base first. A pull that was cancelled, or that the
registry or the network broke, leaves its downloads where the next one resumes them.
"""

import asyncio
from dataclasses import dataclass
from functools import partial

from seaway.base.errors import EngineError
from seaway.base.groups import plain_failures
from seaway.distribution import progress as p
from seaway.distribution.auth import Credentials
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import (
    RegistryFailure,
    RegistryUnreachable,
    pull_error,
)
from seaway.distribution.fetch import Downloads
from seaway.distribution.flights import renamed
from seaway.distribution.imageconfig import InvalidImage, fetch_config, parse_diff_ids
from seaway.distribution.progress import Progress, ProgressSink, silent
from seaway.distribution.resolve import at_first_endpoint, choose_manifest, resolve
from seaway.distribution.retry import repeated
from seaway.distribution.sink import LayerSink
from seaway.distribution.transport import transport
from seaway.oci.digest import Digest
from seaway.oci.manifest import Descriptor, Manifest
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference

RESUMABLE = (RegistryUnreachable, RegistryFailure)
"""After these, as after Ctrl-C, the next pull goes on; any other failure would only come again."""


@dataclass(frozen=True, slots=True)
class Pulled:
    image_id: Digest
    digest: Digest
    """What `name@digest` refers to: the index where there is one, else the manifest."""


async def pull(
    ref: Reference,
    platform: Platform | None,
    sink: LayerSink,
    progress: ProgressSink,
    registry_config: RegistryConfig,
    auth: Credentials | None,
    downloads: Downloads,
) -> Pulled:
    """Raises PullRefused and the others of `errors`. The caller tags the image, then says `pull_status`."""
    reference = ref.with_default_tag()

    async def from_endpoint(repository: Repository) -> Pulled:
        resolved = await resolve(repository, reference, progress)
        what = str(reference) if reference.digest else reference.tag or ""
        progress(Progress(what, f"Pulling from {reference.path}"))
        manifest = await choose_manifest(resolved, platform)
        if not sink.has_image(manifest.config.digest):
            await _Transfer(repository, manifest, sink, progress, registry_config, downloads).run()
        progress(Progress("", f"Digest: {resolved.digest}"))
        return Pulled(manifest.config.digest, resolved.digest)

    try:
        async with transport(registry_config) as http:
            return await at_first_endpoint(http, reference, registry_config, auth, from_endpoint)
    except EngineError as failure:
        raise pull_error(failure, reference) from failure


async def list_tags(ref: Reference, registry_config: RegistryConfig, auth: Credentials | None) -> tuple[str, ...]:
    """For a pull of all tags."""
    try:
        async with transport(registry_config) as http:
            return await at_first_endpoint(http, ref, registry_config, auth, Repository.tags)
    except EngineError as failure:
        raise pull_error(failure, ref) from failure


class _Transfer:
    def __init__(
        self,
        repository: Repository,
        manifest: Manifest,
        sink: LayerSink,
        progress: ProgressSink,
        config: RegistryConfig,
        downloads: Downloads,
    ) -> None:
        self._repository, self._manifest, self._sink = repository, manifest, sink
        self._progress, self._config, self._downloads = progress, config, downloads

    async def run(self) -> None:
        self._sink.check_depth(len(self._manifest.layers))
        config = await self._fetch_config()
        layers, diff_ids = self._manifest.layers, parse_diff_ids(config)
        if len(layers) != len(diff_ids):
            raise InvalidImage("layers from manifest don't match image configuration")
        present = await self._count_present(diff_ids)
        missing = layers[present:]
        blobs = self._downloads.blobs
        try:
            with blobs.lease([layer.digest for layer in missing]):
                await self._fetch_and_register(missing, diff_ids, present)
                await self._sink.create_image(config)
        except RESUMABLE:
            raise
        except EngineError:
            for layer in missing:
                await blobs.forget(layer.digest)
            raise
        for layer in missing:
            await blobs.delete(layer.digest)

    async def _fetch_config(self) -> bytes:
        wanted, settings = self._manifest.config, self._config
        return await repeated(
            lambda: fetch_config(self._repository, wanted),
            settings.max_download_attempts,
            settings.retry_delay_s,
            wanted.digest.short,
            self._progress,
        )

    async def _count_present(self, diff_ids: tuple[Digest, ...]) -> int:
        present = 0
        for layer in self._manifest.layers:
            if not self._sink.has_layer(diff_ids[: present + 1]):
                break
            self._progress(Progress(layer.digest.short, p.ALREADY_EXISTS))
            await self._sink.recognise(diff_ids[present], layer)
            present += 1
        return present

    async def _fetch_and_register(
        self, missing: tuple[Descriptor, ...], diff_ids: tuple[Digest, ...], present: int
    ) -> None:
        unique = {layer.digest: layer for layer in missing}
        for layer in unique.values():
            self._progress(Progress(layer.digest.short, p.PULLING_FS_LAYER))
        async with plain_failures(), asyncio.TaskGroup() as group:
            fetched = {
                digest: group.create_task(self._downloads.fetch(self._repository, layer, self._progress, self._config))
                for digest, layer in unique.items()
            }
            below: asyncio.Event | None = None
            for depth, layer in enumerate(missing, start=present + 1):
                # dockerd tells of a blob once, however often the image repeats it
                progress = self._progress if unique.pop(layer.digest, None) else silent
                step = _Step(layer, diff_ids[:depth], below, asyncio.Event(), progress)
                group.create_task(self._register(fetched[layer.digest], step))
                below = step.done

    async def _register(self, fetched: asyncio.Task[None], step: "_Step") -> None:
        await fetched
        layer, progress = step.layer, step.progress
        work = partial(self._unpack, step)
        if not await self._downloads.unpacking.share(step.stack, work, renamed(progress, layer.digest.short)):
            await self._unpack(step, progress)  # the other pull may have other stores, or lose the layer again
        if step.below:
            await step.below.wait()
        progress(Progress(layer.digest.short, p.PULL_COMPLETE))
        step.done.set()

    async def _unpack(self, step: "_Step", progress: ProgressSink) -> None:
        if self._sink.has_layer(step.stack):  # another pull may have been faster
            return
        layer, blob = step.layer, self._downloads.blobs.path(step.layer.digest)

        def taken(count: int) -> None:
            progress(Progress(layer.digest.short, p.EXTRACTING, count, layer.size))

        await self._sink.register(step.stack, layer, blob, taken, step.below)


@dataclass(frozen=True, slots=True)
class _Step:
    """One layer on its way in. `below` is set when what it stands on is there; a failure there ends us all."""

    layer: Descriptor
    stack: tuple[Digest, ...]
    below: asyncio.Event | None
    done: asyncio.Event
    progress: ProgressSink
