"""`seaway fsck` on a root that an engine's own stores made."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seaway.cli.fsck import CLEAN, FAULTS, REPAIRED, UNUSABLE, main
from seaway.images.catalog import Catalog, open_catalog
from seaway.images.importing import import_image, plan_import
from seaway.layers.overlay2 import Overlay2
from seaway.layers.store import LayerStore
from seaway.oci.reference import parse_reference
from seaway.system.dataroot import DataRoot
from suites.tars import make_tar, member

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


@pytest.fixture
async def root(tmp_path: Path) -> Path:
    """One image, `kept:1`."""
    catalog = open_stores(tmp_path)
    await put(catalog, b"kept", "kept:1")
    return tmp_path


def open_stores(root: Path) -> Catalog:
    layers = LayerStore(root / "image/overlay2", Overlay2(root / "overlay2"))
    return open_catalog(root / "image/overlay2", layers, lambda *_: None)


async def put(catalog: Catalog, content: bytes, name: str) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield make_tar(member("f", data=content))

    await import_image(catalog, plan_import([], parse_reference(name)), body(), lambda _: None)


def fsck(root: Path, *flags: str) -> int:
    return main(["--data-root", str(root), *flags])


def test_a_clean_one(root: Path) -> None:
    assert fsck(root) == CLEAN


async def test_orphans_are_told_then_removed(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await put(open_stores(root), b"lost", "lost:1")
    lost = json.loads((root / "image/overlay2/repositories.json").read_text())["Repositories"]["lost"]["lost:1"]
    (root / "image/overlay2/imagedb/content/sha256" / lost.removeprefix("sha256:")).unlink()
    (root / "image/overlay2/layerdb/tmp/write-set-7").mkdir()
    capsys.readouterr()
    assert main(["--data-root", str(root)]) == FAULTS
    told = capsys.readouterr().out
    assert [line.partition(":")[0] for line in told.splitlines()] == [
        "what a killed engine was making or removing",
        "a name of an image that is gone",
        "notes about an image that is gone",
        "a layer without an image",
        "a layer's directory without a record",
    ]


async def test_a_repaired_one_is_clean_and_whole(root: Path) -> None:
    await put(open_stores(root), b"lost", "lost:1")
    images = root / "image/overlay2/imagedb/content/sha256"
    kept = open_stores(root).resolve("kept:1").id.hex
    next(file for file in images.iterdir() if file.name != kept).unlink()
    assert fsck_in_thread(root) == (REPAIRED, CLEAN)
    catalog = open_stores(root)
    assert [image.id.hex for image in catalog.images.all()] == [kept]
    assert b"".join([c async for c in catalog.layers.tar_stream(catalog.images.all()[0].chain_ids[0])])


def fsck_in_thread(root: Path) -> tuple[int, int]:
    """The command has an event loop of its own."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(fsck, root, "--repair").result(), pool.submit(fsck, root).result()


def test_damage_is_told_and_stays(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = next((root / "image/overlay2/imagedb/content/sha256").iterdir())
    content.write_bytes(content.read_bytes() + b" ")
    assert fsck(root, "--repair") == FAULTS
    assert "(pull or load it again)" in capsys.readouterr().out


def test_not_under_a_running_engine(root: Path, tmp_path: Path) -> None:
    held = DataRoot(str(root))
    try:
        assert fsck(root) == UNUSABLE
    finally:
        held.close()
    assert fsck(tmp_path / "nosuch") == UNUSABLE
