"""`docker pull`: what the registry has, into the layer store, the image store and the reference store."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.distribution.auth import Credentials
from seaway.distribution.endpoints import MetaHeaders, RegistryConfig
from seaway.distribution.fetch import Downloads
from seaway.distribution.metadata import BlobMetadata, KnownBlob
from seaway.distribution.progress import pull_status
from seaway.distribution.pull import list_tags, pull
from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.images.messages import Emit, transfer_line
from seaway.images.references import ReferenceDoesNotExist
from seaway.images.store import NoSuchImage
from seaway.layers.chain import MAX_DEPTH, MaxDepthExceeded, chain_ids
from seaway.layers.driver import StorageError
from seaway.layers.transfer import BadLayer, FilePart
from seaway.oci.digest import Digest
from seaway.oci.manifest import Descriptor
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference


class CannotRegister(SystemFailure):
    pass


@dataclass(frozen=True, slots=True)
class Puller:
    catalog: Catalog
    registries: Callable[[], RegistryConfig]
    downloads: Downloads
    metadata: BlobMetadata

    async def pull(
        self,
        reference: Reference,
        emit: Emit,
        platform: Platform | None = None,
        auth: Credentials | None = None,
        meta: MetaHeaders = (),
    ) -> Image:
        """One tag (`latest` if it has none) or digest. Raises what `distribution.pull` and the stores raise."""
        reference = reference.with_default_tag()
        image, is_new = await self._pull(reference, emit, platform, auth, self._config(meta))
        emit(transfer_line(pull_status(reference, downloaded=is_new)))
        return image

    async def pull_all_tags(
        self,
        repository: Reference,
        emit: Emit,
        platform: Platform | None = None,
        auth: Credentials | None = None,
        meta: MetaHeaders = (),
    ) -> None:
        is_any_new, config = False, self._config(meta)
        for tag in await list_tags(repository, config, auth):
            _, is_new = await self._pull(repository.with_tag(tag), emit, platform, auth, config)
            is_any_new = is_any_new or is_new
        emit(transfer_line(pull_status(repository, downloaded=is_any_new)))

    def _config(self, meta: MetaHeaders) -> RegistryConfig:
        return replace(self.registries(), meta_headers=meta)

    async def _pull(
        self,
        reference: Reference,
        emit: Emit,
        platform: Platform | None,
        auth: Credentials | None,
        config: RegistryConfig,
    ) -> tuple[Image, bool]:
        async with _sink(self.catalog, self.metadata, reference.name) as sink:
            pulled = await pull(
                reference,
                platform,
                sink,
                lambda event: emit(transfer_line(event)),
                config,
                auth,
                self.downloads,
            )
            image = self.catalog.images.get(pulled.image_id)
            is_new = await self._name(reference, pulled.digest, image)
        self.catalog.announce("pull", image, reference.familiar, reference.familiar_name)
        return image, is_new

    async def _name(self, reference: Reference, digest: Digest, image: Image) -> bool:
        """Did the name mean something else before?"""
        references = self.catalog.references
        try:
            is_new = references.get(reference) != image.id
        except ReferenceDoesNotExist:
            is_new = True
        has_tag = bool(reference.tag and not reference.digest)
        await self.catalog.name_by_digest(reference.name_only().with_digest(digest), image, durable=not has_tag)
        if has_tag:
            await references.add_tag(reference, image.id, force=True)
        return is_new


class CatalogSink:
    """Where one pull puts its layers. `top` is the last one registered."""

    def __init__(self, catalog: Catalog, metadata: BlobMetadata, repository: str) -> None:
        self._catalog, self._metadata, self._repository = catalog, metadata, repository
        self.top: Digest | None = None

    def has_image(self, image_id: Digest) -> bool:
        try:
            self._catalog.images.get(image_id)
        except NoSuchImage:
            return False
        return True

    def check_depth(self, layers: int) -> None:
        if layers > MAX_DEPTH:
            raise MaxDepthExceeded

    def has_layer(self, diff_ids: Sequence[Digest]) -> bool:
        return self._catalog.images.has_layer(chain_ids(diff_ids)[-1])

    async def register(
        self,
        diff_ids: Sequence[Digest],
        layer: Descriptor,
        blob: Path,
        taken: Callable[[int], None],
        below: asyncio.Event | None,
    ) -> None:
        parents, source = chain_ids(diff_ids[:-1]), FilePart(blob, taken=taken)
        try:
            registered = await self._catalog.layers.register(
                source, parents[-1] if parents else None, diff_ids[-1], below
            )
        except (BadLayer, StorageError) as failure:
            raise CannotRegister(f"failed to register layer: {failure}") from failure
        self.top = registered.chain_id
        await self.recognise(diff_ids[-1], layer)

    async def recognise(self, diff_id: Digest, layer: Descriptor) -> None:
        await self._metadata.add(diff_id, KnownBlob(str(layer.digest), self._repository))

    async def create_image(self, config: bytes) -> None:
        await self._catalog.images.create(config)


@asynccontextmanager
async def _sink(catalog: Catalog, metadata: BlobMetadata, repository: str) -> AsyncIterator[CatalogSink]:
    """No layer goes while it is open; then those that no image took do."""
    sink = CatalogSink(catalog, metadata, repository)
    async with catalog.layers.transaction():
        try:
            yield sink
        finally:
            if sink.top:
                await catalog.layers.release(sink.top)
