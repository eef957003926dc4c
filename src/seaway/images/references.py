"""Which image a name means: dockerd's `repositories.json`, kept in memory, replaced as a whole on each change.

    {"Repositories": {"busybox": {"busybox:latest": "sha256:<image>", "busybox@sha256:<manifest>": "sha256:<image>"}}}

Readers never wait: a change is on disk before they see it.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec

from seaway.base import gojson
from seaway.base.errors import Conflict, InvalidParameter, NotFound
from seaway.base.failpoints import failpoint
from seaway.kernel.files import replace_file
from seaway.kernel.worker import run_blocking
from seaway.oci.digest import Digest, parse_digest
from seaway.oci.reference import Reference, parse_reference


class ReferenceDoesNotExist(NotFound):
    def __init__(self) -> None:
        super().__init__("reference does not exist")


class ReferenceTaken(Conflict):
    pass


class InvalidTag(InvalidParameter):
    pass


class _Document(msgspec.Struct):
    repositories: dict[str, dict[str, str]] = msgspec.field(default_factory=dict, name="Repositories")


class ReferenceStore:
    def __init__(self, path: Path) -> None:
        """Read the file, where there is one. Raises msgspec.DecodeError on a damaged one."""
        self._path = path
        self._images = _read(path)
        self._changing = asyncio.Lock()

    def get(self, reference: Reference) -> Digest:
        """The image's ID. A digest goes before a tag, no tag means `latest`. Raises ReferenceDoesNotExist."""
        try:
            return self._images[_key(reference)]
        except KeyError:
            raise ReferenceDoesNotExist from None

    def references(self, image_id: Digest) -> list[Reference]:
        """All names of an image, sorted as people write them."""
        return sorted((r for r, i in self._images.items() if i == image_id), key=lambda r: r.familiar)

    def references_by_name(self, repository: Reference) -> dict[Reference, Digest]:
        return {r: i for r, i in self._images.items() if r.name == repository.name}

    def all(self) -> Mapping[Reference, Digest]:
        return self._images

    def by_image(self) -> dict[Digest, list[Reference]]:
        """All names by image, for who asks about many images."""
        found: dict[Digest, list[Reference]] = {}
        for reference in sorted(self._images, key=lambda r: r.familiar):
            found.setdefault(self._images[reference], []).append(reference)
        return found

    async def add_tag(self, reference: Reference, image_id: Digest, *, force: bool = False) -> None:
        if reference.digest:
            raise InvalidTag("refusing to create a tag with a digest reference")
        key = _key(reference)
        if key.familiar_name == "sha256":
            raise InvalidTag("refusing to create an ambiguous tag using digest algorithm as name")
        async with self._changing:
            old = self._images.get(key)
            if old and old != image_id and not force:
                raise ReferenceTaken(
                    f"tag {key.familiar} is already set to image {old}, use the force option to replace it"
                )
            await self._set(key, image_id)

    async def add_digest(self, reference: Reference, image_id: Digest, *, durable: bool = True) -> None:
        """`durable` can wait where a tag follows at once."""
        key = _key(reference)
        async with self._changing:
            old = self._images.get(key)
            if old and old != image_id:
                raise ReferenceTaken(f"cannot overwrite digest {key.digest}")
            await self._set(key, image_id, durable=durable)

    async def delete(self, reference: Reference) -> None:
        """Raises ReferenceDoesNotExist."""
        key = _key(reference)
        async with self._changing:
            if key not in self._images:
                raise ReferenceDoesNotExist
            await self._replace({r: i for r, i in self._images.items() if r != key})

    async def _set(self, key: Reference, image_id: Digest, *, durable: bool = True) -> None:
        if self._images.get(key) != image_id:
            await self._replace({**self._images, key: image_id}, durable=durable)

    async def _replace(self, images: dict[Reference, Digest], *, durable: bool = True) -> None:
        failpoint("names: chosen")
        await run_blocking(replace_file, self._path, _encode(images), durable=durable)
        failpoint("names: written")
        self._images = images


def _key(reference: Reference) -> Reference:
    return reference.without_tag() if reference.digest else reference.with_default_tag()


def _read(path: Path) -> dict[Reference, Digest]:
    try:
        document = gojson.decode(path.read_bytes(), _Document)
    except FileNotFoundError:
        return {}
    return {
        parse_reference(text): parse_digest(image_id)
        for names in document.repositories.values()
        for text, image_id in names.items()
    }


def _encode(images: Mapping[Reference, Digest]) -> bytes:
    repositories: dict[str, dict[str, str]] = {}
    for reference in sorted(images, key=lambda r: (r.familiar_name, r.familiar)):
        repositories.setdefault(reference.familiar_name, {})[reference.familiar] = str(images[reference])
    return gojson.encode({"Repositories": repositories})
