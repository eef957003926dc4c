"""Images by the names that people give them: the image store and the reference store seen together."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from seaway.base.errors import NotFound
from seaway.images.image import Image
from seaway.images.references import ReferenceDoesNotExist, ReferenceStore, ReferenceTaken
from seaway.images.store import ImageStore, LayerSource, NoSuchImage
from seaway.oci.digest import Digest, is_digest, parse_digest
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference, parse_reference

log = logging.getLogger(__name__)
Publish = Callable[[str, str, str, Mapping[str, str]], object]
"""type, action, the actor's ID, its attributes"""


class WrongPlatform(NotFound):
    pass


@dataclass(frozen=True, slots=True)
class Catalog:
    images: ImageStore
    references: ReferenceStore
    layers: LayerSource
    publish: Publish
    pruning: asyncio.Lock = field(default_factory=asyncio.Lock)

    def resolve(self, name: str, platform: Platform | None = None) -> Image:
        """A digest, a reference, or else a unique beginning of an ID. Raises NoSuchImage, InvalidReference."""
        image = self._find(name)
        if platform and not image.platform.suits(platform):
            raise WrongPlatform(
                f"image with reference {name} was found but its platform ({image.platform}) does not match the"
                f" specified platform ({platform})"
            )
        return image

    def with_descendants(self, name: str) -> set[str]:
        """The IDs of the image and of those that were made from it. Raises NoSuchImage, InvalidReference."""
        found, waiting = set[str](), [self.resolve(name).id]
        while waiting:
            image_id = waiting.pop()
            found.add(str(image_id))
            waiting += [child.id for child in self.images.children(image_id)]
        return found

    def announce(self, action: str, image: Image, actor_id: str = "", name: str = "") -> None:
        """Publish what happened to an image; its labels go with it."""
        attributes = {**image.labels, "name": name or str(image.id)}
        self.publish("image", action, actor_id or str(image.id), attributes)

    async def tag(self, image: Image, reference: Reference) -> None:
        """Give the image a name, taking it from another one where necessary."""
        reference = reference.with_default_tag()
        await self.references.add_tag(reference, image.id, force=True)
        await self.images.set_tagged_now(image.id)
        self.announce("tag", image, name=reference.familiar)

    async def name_by_digest(self, reference: Reference, image: Image, *, durable: bool = True) -> None:
        """A digest stays with the image that had it first, as in dockerd."""
        try:
            await self.references.add_digest(reference, image.id, durable=durable)
        except ReferenceTaken:
            log.warning("the image of %s is not what it was; it keeps the old one", reference)

    def _find(self, name: str) -> Image:
        if digest := as_digest(name):
            return self.images.get(digest)
        reference = parse_reference(name)
        try:
            return self.images.get(self.references.get(reference))
        except (ReferenceDoesNotExist, NoSuchImage):
            image = self.images.search(name)
        if image is None:
            raise NoSuchImage(reference.with_default_tag().familiar)
        return image


def as_digest(name: str) -> Digest | None:
    """64 digits, with or without their algorithm, are an ID and nothing else."""
    text = name if ":" in name else f"sha256:{name}"
    return parse_digest(text) if is_digest(text) else None


def open_catalog(root: Path, layers: LayerSource, publish: Publish) -> Catalog:
    """`root` is the driver's directory: `<data root>/image/overlay2`."""
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Catalog(ImageStore(root / "imagedb", layers), ReferenceStore(root / "repositories.json"), layers, publish)
