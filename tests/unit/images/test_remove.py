import pytest

from seaway.base.filters import Filters
from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.images.prune import PruneRunning, prune_images
from seaway.images.remove import ImageDeleteConflict, ImageInUse, ImageUser, remove_image
from seaway.images.store import NoSuchImage
from seaway.oci.digest import Digest, sha256_of
from seaway.oci.reference import parse_reference

from .conftest import document

CONTAINER = "c" * 64
MANIFEST = sha256_of(b"manifest")


def unused(image_id: Digest) -> list[ImageUser]:
    return []


def stopped(image_id: Digest) -> list[ImageUser]:
    return [ImageUser(CONTAINER, is_running=False)]


def running(image_id: Digest) -> list[ImageUser]:
    return [ImageUser(CONTAINER, is_running=True)]


def mounting(image_id: Digest) -> list[ImageUser]:
    return [ImageUser(CONTAINER, is_running=True, only_mounts=True)]


async def image(catalog: Catalog, *names: str, author: str = "", parent: Digest | None = None) -> Image:
    made = await catalog.images.create(document(author=author), parent)
    for name in names:
        reference = parse_reference(name)
        if reference.digest:
            await catalog.references.add_digest(reference, made.id)
        else:
            await catalog.references.add_tag(reference, made.id)
    return made


async def test_the_last_name_takes_the_image_along(catalog: Catalog, events: list[tuple[str, str]]) -> None:
    made = await image(catalog, "a:1", "a:2")
    assert await remove_image(catalog, unused, "a:1") == [{"Untagged": "a:1"}]
    assert await remove_image(catalog, unused, "a:2") == [{"Untagged": "a:2"}, {"Deleted": made.id}]
    assert [event[0] for event in events] == ["untag", "untag", "delete"]
    with pytest.raises(NoSuchImage, match="^No such image: a:2$"):
        await remove_image(catalog, unused, "a:2")


async def test_digests_go_with_the_last_tag_of_their_repository(catalog: Catalog) -> None:
    made = await image(catalog, "a:1", f"a@{MANIFEST}")
    assert await remove_image(catalog, unused, "a:1") == [
        {"Untagged": "a:1"},
        {"Untagged": f"a@{MANIFEST}"},
        {"Deleted": made.id},
    ]


async def test_by_id_with_names_in_two_repositories(catalog: Catalog) -> None:
    made = await image(catalog, "a:1", "b:1")
    text = rf"^conflict: unable to delete {made.id.short} \(must be forced\) - image is referenced in multiple repositories$"
    with pytest.raises(ImageDeleteConflict, match=text):
        await remove_image(catalog, unused, made.id.short)
    assert await remove_image(catalog, unused, made.id.short, force=True) == [
        {"Untagged": "a:1"},
        {"Untagged": "b:1"},
        {"Deleted": made.id},
    ]


async def test_a_container_keeps_its_image(catalog: Catalog) -> None:
    made = await image(catalog, "a:1")
    text = rf'^conflict: unable to remove repository reference "a:1" \(must force\) - container cccccccccccc is using its referenced image {made.id.short}$'
    with pytest.raises(ImageInUse, match=text):
        await remove_image(catalog, stopped, "a:1")
    with pytest.raises(
        ImageDeleteConflict, match=r"\(must be forced\) - image is being used by stopped container c{12}"
    ):
        await remove_image(catalog, stopped, made.id.short)
    with pytest.raises(ImageDeleteConflict, match=r"\(cannot be forced\) - image is being used by running container"):
        await remove_image(catalog, running, made.id.short, force=True)
    assert await remove_image(catalog, running, "a:1", force=True) == [{"Untagged": "a:1"}]
    assert catalog.images.get(made.id)


async def test_parents_go_along_until_one_has_a_name(catalog: Catalog) -> None:
    top = await image(catalog, "top", author="0")
    middle = await image(catalog, author="1", parent=top.id)
    leaf = await image(catalog, "leaf", author="2", parent=middle.id)
    with pytest.raises(ImageDeleteConflict, match=r"\(cannot be forced\) - image has dependent child images$"):
        await remove_image(catalog, unused, middle.id.short, force=True)
    assert await remove_image(catalog, unused, "leaf") == [
        {"Untagged": "leaf:latest"},
        {"Deleted": leaf.id},
        {"Deleted": middle.id},
    ]


async def test_prune(catalog: Catalog, events: list[object]) -> None:
    await image(catalog, "named", author="0")
    nameless = await image(catalog, author="1")
    assert await prune_images(catalog, unused) == {"ImagesDeleted": [{"Deleted": nameless.id}], "SpaceReclaimed": 0}
    assert events[-1] == ("prune", "", {"reclaimed": "0"})
    assert (await prune_images(catalog, stopped, Filters({"dangling": ("false",)})))["ImagesDeleted"] is None
    deleted = (await prune_images(catalog, unused, Filters({"dangling": ("false",)})))["ImagesDeleted"]
    assert deleted[0] == {"Untagged": "named:latest"}
    async with catalog.pruning:
        with pytest.raises(PruneRunning, match="a prune operation is already running"):
            await prune_images(catalog, unused)


async def test_what_is_mounted_keeps_its_name_but_goes_by_force_or_by_id(catalog: Catalog) -> None:
    made = await image(catalog, "a:1", author="0")
    with pytest.raises(ImageInUse, match=r'^conflict: unable to remove repository reference "a:1" \(must force\)'):
        await remove_image(catalog, mounting, "a:1")
    assert (await prune_images(catalog, mounting, Filters({"dangling": ("false",)})))["ImagesDeleted"] is None
    assert await remove_image(catalog, mounting, "a:1", force=True) == [{"Untagged": "a:1"}, {"Deleted": made.id}]
    other = await image(catalog, "b:1", author="1")
    assert await remove_image(catalog, mounting, other.id.short) == [{"Untagged": "b:1"}, {"Deleted": other.id}]
