from pathlib import Path

import pytest

from seaway.images.catalog import Catalog, WrongPlatform
from seaway.images.image import InvalidImage, parse_image
from seaway.images.store import ImageStore, NoSuchImage
from seaway.oci.platform import Platform
from seaway.oci.reference import InvalidReference, parse_reference

from .conftest import MemoryLayers, document


async def layer(layers: MemoryLayers, content: bytes) -> None:
    async def chunks():  # type: ignore[no-untyped-def]
        yield content

    parent = next(reversed(layers.layers), None)
    await layers.register(chunks(), parent)


async def test_an_image_survives_a_restart(tmp_path: Path, layers: MemoryLayers) -> None:
    await layer(layers, b"one")
    await layer(layers, b"two")
    store = ImageStore(tmp_path, layers)
    base = await store.create(document())
    image = await store.create(document(layers), parent=base.id)
    await store.set_tagged_now(image.id)
    assert image.chain_id == list(layers.layers)[-1]
    assert (tmp_path / "content/sha256" / image.id.hex).read_bytes() == document(layers)
    assert (tmp_path / "metadata/sha256" / image.id.hex / "parent").read_text() == base.id
    again = ImageStore(tmp_path, layers)
    assert again.get(image.id) == store.get(image.id)
    assert again.get(image.id).last_tagged.endswith("Z")


async def test_damaged_images_are_left_out(
    tmp_path: Path, layers: MemoryLayers, caplog: pytest.LogCaptureFixture
) -> None:
    store = ImageStore(tmp_path, layers)
    image = await store.create(document())
    (tmp_path / "content/sha256" / image.id.hex).write_bytes(b"{}")
    assert ImageStore(tmp_path, layers).all() == []
    assert "failed to verify image" in caplog.text


async def test_an_image_without_its_layer_is_left_out(tmp_path: Path, layers: MemoryLayers) -> None:
    await layer(layers, b"one")
    await ImageStore(tmp_path, layers).create(document(layers))
    layers.layers.clear()
    assert ImageStore(tmp_path, layers).all() == []


async def test_delete_lets_go_of_layers_and_children(tmp_path: Path, layers: MemoryLayers) -> None:
    await layer(layers, b"one")
    store = ImageStore(tmp_path, layers)
    base = await store.create(document(layers))
    child = await store.create(document(layers, author="me"), parent=base.id)
    await store.delete(base.id)
    assert layers.released == [base.chain_id]
    assert store.get(child.id).parent is None
    with pytest.raises(NoSuchImage):
        store.get(base.id)


def test_documents_that_are_no_image() -> None:
    with pytest.raises(InvalidImage, match="invalid image JSON, no RootFS key"):
        parse_image(b"{}")
    with pytest.raises(InvalidImage, match="invalid image JSON: "):
        parse_image(b"{")


async def test_resolve(catalog: Catalog) -> None:
    image = await catalog.images.create(document())
    await catalog.tag(image, parse_reference("registry.test/a"))
    for name in (image.id, image.id.hex, image.id.hex[:6], image.id[:15], "registry.test/a", "registry.test/a:latest"):
        assert catalog.resolve(name).id == image.id
    with pytest.raises(NoSuchImage, match="^No such image: busybox:latest$"):
        catalog.resolve("busybox")
    with pytest.raises(NoSuchImage, match="^No such image: sha256:0{64}$"):
        catalog.resolve("0" * 64)
    with pytest.raises(InvalidReference):
        catalog.resolve("-bad-")
    with pytest.raises(WrongPlatform, match=r"its platform \(linux/amd64\) does not match the specified platform"):
        catalog.resolve("registry.test/a", Platform("linux", "arm64"))


async def test_an_ambiguous_beginning_finds_nothing(catalog: Catalog) -> None:
    for number in range(17):
        await catalog.images.create(document(author=str(number)))
    first = [image.id.hex[0] for image in catalog.images.all()]
    twice = next(c for c in first if first.count(c) > 1)
    with pytest.raises(NoSuchImage):
        catalog.resolve(twice)


async def test_tag_is_announced(catalog: Catalog, events: list[object]) -> None:
    image = await catalog.images.create(document(config={"Labels": {"a": "b"}}))
    await catalog.tag(image, parse_reference("busybox"))
    assert events == [("tag", image.id, {"a": "b", "name": "busybox:latest"})]
