"""Images over the real layer store: what docker's tools read and write goes in and comes out again."""

import io
import os
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from seaway.base.filters import Filters
from seaway.images.catalog import Catalog, open_catalog
from seaway.images.importing import import_image, plan_import
from seaway.images.inspect import inspect_image
from seaway.images.load import load_images
from seaway.images.prune import prune_images
from seaway.images.remove import remove_image
from seaway.images.save import plan_save, save_images
from seaway.layers.overlay2 import Overlay2
from seaway.layers.store import LayerStore
from seaway.layers.vfs import Vfs
from seaway.oci.reference import parse_reference

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture(params=[Overlay2, Vfs])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LayerStore]:
    driver = request.param(tmp_path / request.param.name)
    layers = LayerStore(tmp_path / "image" / driver.name, driver)
    await layers.restore()
    yield layers
    await driver.close()


def open_over(store: LayerStore, tmp_path: Path) -> Catalog:
    return open_catalog(tmp_path / "image" / store.driver.name, store, lambda *event: None)


def filesystem(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("etc/name")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


async def stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def save(catalog: Catalog, name: str, scratch: Path) -> bytes:
    return b"".join([chunk async for chunk in save_images(catalog, plan_save(catalog, [name]), scratch)])


async def test_import_save_remove_load(store: LayerStore, tmp_path: Path) -> None:
    catalog = open_over(store, tmp_path)
    said: list[Any] = []
    image = await import_image(
        catalog, plan_import(["CMD x"], parse_reference("a:1")), stream(filesystem(b"hi")), said.append
    )
    wire = inspect_image(catalog, "a:1")
    assert (wire["Size"], wire["GraphDriver"]["Name"]) == (2, store.driver.name)
    archive = await save(catalog, "a:1", tmp_path)
    assert await remove_image(catalog, lambda _: [], "a:1") == [
        {"Untagged": "a:1"},
        {"Deleted": image.id},
        {"Deleted": image.chain_id},
    ]
    assert store.all() == []
    [loaded] = await load_images(catalog, stream(archive), tmp_path, said.append)
    assert loaded.id == image.id
    assert await save(catalog, "a:1", tmp_path) == archive


async def test_a_restart_keeps_images_and_layers(store: LayerStore, tmp_path: Path) -> None:
    catalog = open_over(store, tmp_path)
    await import_image(catalog, plan_import([], parse_reference("a:1")), stream(filesystem(b"hi")), print)
    again = LayerStore(tmp_path / "image" / store.driver.name, store.driver)
    await again.restore()
    reopened = open_over(again, tmp_path)
    assert reopened.resolve("a:1").raw == catalog.resolve("a:1").raw
    assert await prune_images(reopened, lambda _: []) == {"ImagesDeleted": None, "SpaceReclaimed": 0}
    pruned = await prune_images(reopened, lambda _: [], Filters({"dangling": ("false",)}))
    assert pruned["SpaceReclaimed"] == 2
    assert again.all() == []


async def test_shared_layers_stay(store: LayerStore, tmp_path: Path) -> None:
    catalog = open_over(store, tmp_path)
    for name in ("a:1", "a:2"):
        await import_image(
            catalog, plan_import([f"ENV N={name}"], parse_reference(name)), stream(filesystem(b"hi")), print
        )
    assert len(store.all()) == 1
    await remove_image(catalog, lambda _: [], "a:1")
    assert len(store.all()) == 1


async def test_a_failed_load_leaves_nothing(store: LayerStore, tmp_path: Path) -> None:
    catalog = open_over(store, tmp_path)
    await import_image(catalog, plan_import([], parse_reference("a:1")), stream(filesystem(b"hi")), print)
    archive = await save(catalog, "a:1", tmp_path)
    await remove_image(catalog, lambda _: [], "a:1")
    with pytest.raises(Exception, match="invalid diffID for layer 0"):
        await load_images(catalog, stream(archive.replace(b"hi", b"ho")), tmp_path, print)
    assert (store.all(), catalog.images.all()) == ([], [])
