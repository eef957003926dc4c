"""`seaway fsck` on a root that an engine's own stores made."""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from seaway.cli.fsck import CLEAN, FAULTS, REPAIRED, UNUSABLE, main
from seaway.engine.fsck import examine
from seaway.images.catalog import Catalog, open_catalog
from seaway.images.importing import import_image, plan_import
from seaway.layers.gc import Kind
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


HALF = "0" * 64
STORE = "image/overlay2"


def in_the_making(root: Path) -> None:
    (root / "seaway/new" / HALF).mkdir(parents=True)
    (root / "volumes/.v.new/_data").mkdir(parents=True)
    (root / STORE / "layerdb/tmp/write-set-7").mkdir()


def half_removed(root: Path) -> None:
    """Of dockerd's record and of fsck's own directory."""
    (root / STORE / f"layerdb/sha256/{HALF}-1234-removing").mkdir()
    (root / f"overlay2/{HALF}-removing/diff").mkdir(parents=True)


def trash(root: Path) -> None:
    for folder in ("overlay2/.seaway-trash/a", "seaway/trash/b"):
        (root / folder).mkdir(parents=True)
        (root / folder / "f").touch()


def scratch(root: Path) -> None:
    for name in ("tmp/GetImageBlob1", ".tmp-engine-id1", f"{STORE}/.tmp-repositories.json1"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    (root / STORE / "imagedb/content/sha256/.tmp-1").touch()
    (root / STORE / "imagedb/metadata/sha256" / kept_image(root) / ".tmp-parent1").touch()


def downloads(root: Path) -> None:
    blobs = root / "seaway/blobs"
    for folder in ("blobs/sha256", "ingest"):
        (blobs / folder).mkdir(parents=True)
    (blobs / "blobs/sha256" / HALF).write_bytes(b"torn")
    (blobs / "ingest/nonsense").touch()
    (blobs / "ingest" / f"sha256-{HALF}").write_bytes(b"goes on at the next pull")
    whole = hashlib.sha256(b"whole").hexdigest()
    (blobs / "blobs/sha256" / whole).write_bytes(b"whole")


def notes_of_blobs(root: Path) -> None:
    """One that cannot be read in either direction, and one that leads to a digest that does not lead back."""
    notes = root / STORE / "distribution"
    for folder, name, text in (
        ("v2metadata-by-diffid", "1" * 64, "["),
        ("diffid-by-digest", "2" * 64, ""),
        ("v2metadata-by-diffid", "3" * 64, json.dumps([{"Digest": f"sha256:{HALF}", "SourceRepository": "x"}])),
        ("v2metadata-by-diffid", "4" * 64, json.dumps([{"Digest": f"sha256:{'5' * 64}", "SourceRepository": "x"}])),
        ("diffid-by-digest", "5" * 64, f"sha256:{'4' * 64}"),
    ):
        (notes / folder / "sha256").mkdir(parents=True, exist_ok=True)
        (notes / folder / "sha256" / name).write_text(text)


def notes_of_an_image(root: Path) -> None:
    (root / STORE / "imagedb/metadata/sha256" / HALF).mkdir(parents=True)


def a_name(root: Path) -> None:
    file = root / STORE / "repositories.json"
    names = json.loads(file.read_text())
    names["Repositories"]["lost"] = {"lost:1": f"sha256:{HALF}"}
    file.write_text(json.dumps(names))


def records(root: Path) -> None:
    (root / STORE / "layerdb/sha256" / HALF).mkdir()
    (root / STORE / "layerdb/mounts" / HALF).mkdir()


def a_mounted_directory(root: Path) -> None:
    stray = root / "overlay2" / HALF
    for name in ("diff", "work", "merged", "below"):
        (stray / name).mkdir(parents=True)
    (stray / "below/f").touch()
    options = f"lowerdir={stray}/below,upperdir={stray}/diff,workdir={stray}/work"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, stray / "merged"], check=True)


def a_mount(root: Path) -> None:
    """Of a container that is gone."""
    record = root / STORE / "layerdb/mounts" / HALF
    record.mkdir()
    (record / "mount-id").write_text("a" * 64)
    (record / "init-id").write_text("a" * 64 + "-init")


def short_names(root: Path) -> None:
    """One leads nowhere, one is a second one; the layer's own is gone."""
    links = root / "overlay2/l"
    layer = next(path.name for path in (root / "overlay2").iterdir() if len(path.name) == 64)
    os.symlink(f"../{HALF}/diff", links / "NOWHERE")
    own = (root / "overlay2" / layer / "link").read_text()
    os.rename(links / own, links / "SECOND")


@pytest.mark.parametrize(
    ("leave", "told"),
    [
        (in_the_making, [Kind.UNFINISHED] * 3),
        (half_removed, [Kind.UNFINISHED] * 2),
        (trash, [Kind.TRASH] * 2),
        (scratch, [Kind.SCRATCH] * 5),
        (downloads, [Kind.BLOB] * 2),
        (notes_of_blobs, [Kind.NOTES] * 3),
        (notes_of_an_image, [Kind.METADATA]),
        (a_name, [Kind.NAME]),
        (records, [Kind.RECORD] * 2),
        (a_mounted_directory, [Kind.DIRECTORY]),
        (a_mount, [Kind.MOUNT]),
        (short_names, [Kind.LINK, Kind.LINK, Kind.LOST_LINK]),
    ],
)
def test_what_a_crash_can_leave(root: Path, leave: Callable[[Path], None], told: list[Kind]) -> None:
    """It is told, once each; repaired; and the image that is whole stays so."""
    leave(root)
    assert [finding.kind for finding in examine(root)] == told
    assert fsck(root, "--repair") == REPAIRED
    assert fsck(root) == CLEAN
    catalog = open_stores(root)
    layer = catalog.layers.get(catalog.resolve("kept:1").chain_ids[0])
    assert (Overlay2(root / "overlay2").layer_dir(layer.cache_id) / "f").read_bytes() == b"kept"


def kept_image(root: Path) -> str:
    return next(each.name for each in (root / STORE / "imagedb/content/sha256").iterdir() if len(each.name) == 64)


def lost_layer(root: Path) -> None:
    directory = next(path for path in (root / "overlay2").iterdir() if len(path.name) == 64)
    (root / "overlay2/l" / (directory / "link").read_text()).unlink()
    shutil.rmtree(directory)


def changed_document(root: Path) -> None:
    content = root / STORE / "imagedb/content/sha256" / kept_image(root)
    content.write_bytes(content.read_bytes() + b" ")


def torn_names(root: Path) -> None:
    (root / STORE / "repositories.json").write_text("{")


def containers(root: Path) -> None:
    """One whose layer is gone, one whose configuration is, and one of another driver, which is none of this one's."""
    for digit, text in (("a", '{"Driver": "overlay2"}'), ("b", ""), ("c", '{"Driver": "vfs"}')):
        directory = root / "containers" / (digit * 64)
        directory.mkdir(parents=True)
        (directory / "config.v2.json").write_text(text)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lost_layer, [Kind.NO_DIRECTORY]),
        (changed_document, [Kind.DAMAGED]),
        (torn_names, [Kind.NO_NAMES]),
        (containers, [Kind.NO_CONFIG, Kind.NO_MOUNT]),
    ],
)
def test_what_cannot_be_repaired(root: Path, damage: Callable[[Path], None], told: list[Kind]) -> None:
    damage(root)
    assert fsck(root, "--repair") == FAULTS
    assert [finding.kind for finding in examine(root)] == told


async def test_a_layer_whose_record_is_broken_can_come_again(root: Path) -> None:
    record = next((root / STORE / "layerdb/sha256").iterdir())
    (record / "diff").unlink()
    await put(open_stores(root), b"kept", "kept:1")
    assert fsck_in_thread(root) == (REPAIRED, CLEAN)  # the old directory, which no record names any more
    assert open_stores(root).resolve("kept:1")


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
