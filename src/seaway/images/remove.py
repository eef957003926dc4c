"""`docker rmi`: take a name away, and the image with its last one, unless something still needs it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Flag, auto

from seaway.base.errors import Conflict
from seaway.base.ids import short_id
from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.images.store import NoSuchImage
from seaway.oci.digest import Digest
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference, parse_reference


@dataclass(frozen=True, slots=True)
class ImageUser:
    container_id: str
    is_running: bool
    only_mounts: bool = False
    """It was made of another image. That keeps a name, but not the image from going by its ID, nor by force, since what
    is mounted stays."""


FindUsers = Callable[[Digest], Iterable[ImageUser]]
"""The containers that were made of an image, or mount it."""

Records = list[dict[str, str]]
"""`{"Untagged": name}` and `{"Deleted": ID of an image or a layer chain}`, in the order in which it happened."""


class ImageInUse(Conflict):
    pass


class ImageDeleteConflict(Conflict):
    def __init__(self, image: Image, reason: str, *, is_hard: bool = False, is_used: bool = False) -> None:
        self.is_used = is_used
        force = "cannot be forced" if is_hard else "must be forced"
        super().__init__(f"conflict: unable to delete {image.id.short} ({force}) - {reason}")


class Check(Flag):
    CHILDREN = auto()
    RUNNING = auto()
    NAMES = auto()
    STOPPED = auto()


HARD = Check.CHILDREN | Check.RUNNING
SOFT = Check.NAMES | Check.STOPPED


async def remove_image(
    catalog: Catalog,
    users: FindUsers,
    name: str,
    platform: Platform | None = None,
    *,
    force: bool = False,
    prune_parents: bool = True,
) -> Records:
    """The image must be for `platform`, if that is given. Raises NoSuchImage, ImageInUse or ImageDeleteConflict."""
    image, records = catalog.resolve(name, platform), Records()
    removal = _Removal(catalog, users, records)
    names = catalog.references.references(image.id)
    if not _begins_id(image.id, name):
        if not force and _is_one_name(names) and (user := next(iter(users(image.id)), None)):
            raise ImageInUse(
                f'conflict: unable to remove repository reference "{name}" (must force) - container'
                f" {short_id(user.container_id)} is using its referenced image {image.id.short}"
            )
        if await removal.untag_by_name(image, parse_reference(name).with_default_tag()):
            return records
        await removal.delete(image, force=force, prune_parents=prune_parents, quiet=True)
        return records
    if _is_one_name(names):
        removal.check(image, HARD if force else HARD | Check.STOPPED)
        await removal.untag(image, names)
    await removal.delete(image, force=force, prune_parents=prune_parents, quiet=False)
    return records


@dataclass(frozen=True, slots=True)
class _Removal:
    catalog: Catalog
    users: FindUsers
    records: Records

    async def untag_by_name(self, image: Image, reference: Reference) -> list[Reference]:
        """The names that are left. With a repository's last tag go its digests."""
        await self.untag(image, [reference])
        left = self.catalog.references.references(image.id)
        of_repository = [r for r in left if r.name == reference.name]
        if not reference.digest and all(r.digest for r in of_repository):
            await self.untag(image, of_repository, announce=False)
            left = self.catalog.references.references(image.id)
        return left

    async def untag(self, image: Image, names: list[Reference], *, announce: bool = True) -> None:
        for name in names:
            await self.catalog.references.delete(name)
            shown = name.without_tag() if name.digest else name
            self.records.append({"Untagged": shown.familiar})
            if announce:
                self.catalog.announce("untag", image)

    async def delete(self, image: Image, *, force: bool, prune_parents: bool, quiet: bool) -> None:
        """The image and all names it has; then its parents, as long as nothing else needs them."""
        try:
            self.check(image, HARD if force else HARD | SOFT)
        except ImageDeleteConflict as conflict:
            if quiet and (conflict.is_used or not self._is_dangling(image)):
                return
            raise
        await self.untag(image, self.catalog.references.references(image.id))
        gone = await self.catalog.images.delete(image.id)
        self.catalog.announce("delete", image)
        self.records.extend({"Deleted": str(digest)} for digest in (image.id, *gone))
        if prune_parents and image.parent and (parent := self._get(image.parent)):
            await self.delete(parent, force=False, prune_parents=True, quiet=True)

    def check(self, image: Image, checks: Check) -> None:
        users = [user for user in self.users(image.id) if not user.only_mounts]
        running = [u for u in users if u.is_running]
        stopped = [u for u in users if not u.is_running]
        if Check.CHILDREN in checks and self.catalog.images.children(image.id):
            raise ImageDeleteConflict(image, "image has dependent child images", is_hard=True)
        if Check.RUNNING in checks and running:
            reason = f"image is being used by running container {short_id(running[0].container_id)}"
            raise ImageDeleteConflict(image, reason, is_hard=True, is_used=True)
        if Check.NAMES in checks and self.catalog.references.references(image.id):
            raise ImageDeleteConflict(image, "image is referenced in multiple repositories")
        if Check.STOPPED in checks and stopped:
            reason = f"image is being used by stopped container {short_id(stopped[0].container_id)}"
            raise ImageDeleteConflict(image, reason, is_used=True)

    def _is_dangling(self, image: Image) -> bool:
        return not (self.catalog.references.references(image.id) or self.catalog.images.children(image.id))

    def _get(self, image_id: Digest) -> Image | None:
        try:
            return self.catalog.images.get(image_id)
        except NoSuchImage:
            return None


def _begins_id(image_id: Digest, name: str) -> bool:
    return image_id.startswith(name) or image_id.hex.startswith(name)


def _is_one_name(names: list[Reference]) -> bool:
    """At most one tag, and every digest belongs to the same repository."""
    tags = [r for r in names if not r.digest]
    return len(names) <= 1 or (len(tags) <= 1 and len({r.name for r in names}) == 1)
