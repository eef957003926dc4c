"""`docker push`: an image of ours, under the names it has here, into the registry of that name."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from seaway.base.errors import EngineError, NotFound
from seaway.distribution.auth import Credentials
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import MetaHeaders, RegistryConfig
from seaway.distribution.errors import RegistryUnreachable
from seaway.distribution.layerpush import LocalLayer, Target
from seaway.distribution.metadata import signing_key
from seaway.distribution.push import Pushed, Pusher
from seaway.distribution.resolve import endpoints_of
from seaway.distribution.transport import transport
from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.images.messages import Emit, status_line, transfer_line
from seaway.images.references import ReferenceDoesNotExist
from seaway.oci.digest import Digest
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference


class NothingToPush(NotFound):
    pass


@dataclass(frozen=True, slots=True)
class ImagePusher:
    catalog: Catalog
    registries: Callable[[], RegistryConfig]
    pusher: Pusher

    async def push(
        self,
        reference: Reference,
        emit: Emit,
        platform: Platform | None = None,
        auth: Credentials | None = None,
        meta: MetaHeaders = (),
    ) -> None:
        """One tag, or all that the repository has here. Every failure comes after the first line, as in dockerd."""
        if platform:
            self.catalog.resolve(str(reference), platform)
        emit(status_line(f"The push refers to repository [{reference.name}]"))
        wanted = self._wanted(reference)
        config = replace(self.registries(), meta_headers=meta)
        async with self.catalog.layers.transaction(), self._repository(reference, auth, config) as repository:
            target = Target(repository, reference.name, signing_key(auth), config)
            for tagged, image_id in wanted:
                await self._push(target, tagged, self.catalog.images.get(image_id), emit)
                self.catalog.announce("push", self.catalog.images.get(image_id), tagged.familiar, tagged.familiar_name)

    def _wanted(self, reference: Reference) -> Sequence[tuple[Reference, Digest]]:
        here = self.catalog.references.references_by_name(reference)
        if not here:
            raise NothingToPush(f"An image does not exist locally with the tag: {reference.familiar_name}")
        if reference.digest:
            raise NothingToPush("cannot push a digest reference")
        if reference.tag:
            try:
                return [(reference, self.catalog.references.get(reference))]
            except ReferenceDoesNotExist:
                raise NothingToPush(f"tag does not exist: {reference.familiar}") from None
        tags = sorted(((r, i) for r, i in here.items() if r.tag), key=lambda found: found[0].familiar)
        if not tags:
            raise NothingToPush(f"no tags to push for {reference.familiar_name}")
        return tags

    @asynccontextmanager
    async def _repository(
        self, reference: Reference, auth: Credentials | None, config: RegistryConfig
    ) -> AsyncIterator[Repository]:
        """At the first endpoint that answers; a mirror is none."""
        failure: EngineError = RegistryUnreachable(f"no endpoints found for {reference.domain}")
        async with transport(config) as http:
            for endpoint in await endpoints_of(reference.domain, config):
                if endpoint.is_mirror:
                    continue
                repository = Repository(http, endpoint, reference.path, auth, "pull,push")
                try:
                    await repository.connect()
                except RegistryUnreachable as caught:
                    failure = caught
                else:
                    yield repository
                    return
        raise failure

    async def _push(self, target: Target, reference: Reference, image: Image, emit: Emit) -> None:
        tag = reference.tag or ""
        layers = [self._layer(d, c) for d, c in zip(image.diff_ids, image.chain_ids, strict=True)]
        try:
            pushed = await self.pusher.push(target, tag, image.raw, layers, lambda event: emit(transfer_line(event)))
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from group
        emit(status_line(f"{tag}: digest: {pushed.digest} size: {pushed.size}"))
        await self.catalog.name_by_digest(reference.name_only().with_digest(pushed.digest), image)
        emit({"progressDetail": {}, "aux": _aux(tag, pushed)})

    def _layer(self, diff_id: Digest, chain_id: Digest) -> LocalLayer:
        layers = self.catalog.layers
        return LocalLayer(diff_id, layers.get(chain_id).size, partial(layers.gzip_stream, chain_id))


def _aux(tag: str, pushed: Pushed) -> dict[str, Any]:
    return {"Tag": tag, "Digest": str(pushed.digest), "Size": pushed.size}
