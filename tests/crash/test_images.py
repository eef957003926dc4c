"""The engine is killed at each commit point of load, pull, commit, tag and rmi: the image is there, or nothing of it."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from conformance.archives import TOP, v1_archive
from conformance.conftest import busybox_tar
from conformance.engines import RunningEngine
from conformance.registries import docker_registry
from crash.remains import wait_until
from crash.test_failpoints import dies
from seaway.engine.fsck import examine

LAYER = ("layer: begun", "layer: unpacked", "layer: written", "layer: committed")
IMAGE = (*LAYER, "image: written")
NAMES = ("names: chosen", "names: written")
BLOB = ("blob: complete", "blob: published")
NOTES = "notes: half written"
REMOVE = ("names: chosen", "names: written", "image: content gone", "layer: taken")
PORT = 5002


@dataclass(frozen=True)
class Stores:
    layers: frozenset[str]
    records: frozenset[str]
    unfinished: frozenset[str]
    images: frozenset[str]
    metadata: frozenset[str]
    links: int


def stores(engine: RunningEngine) -> Stores:
    root = engine.data_root / "image/overlay2"
    return Stores(
        layers=_names(engine.data_root / "overlay2") - {"l", ".seaway-trash"},
        records=_names(root / "layerdb/sha256"),
        unfinished=_names(root / "layerdb/tmp") | frozenset(map(str, root.glob("layerdb/sha256/*/seaway-pending"))),
        images=_names(root / "imagedb/content/sha256"),
        metadata=_names(root / "imagedb/metadata/sha256"),
        links=len(_names(engine.data_root / "overlay2/l")),
    )


def _names(directory: Path) -> frozenset[str]:
    return frozenset(entry.name for entry in directory.iterdir()) if directory.is_dir() else frozenset()


@pytest.fixture(scope="module")
def archive(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of an image `subject:1` with two layers that the engine does not have."""
    file = tmp_path_factory.mktemp("images") / "subject.tar"
    command = ["docker", "-H", engine.host, "import", "-c", "CMD true", "-", "base"]
    subprocess.run(command, input=busybox_tar() + b"\0" * 1024, check=True, capture_output=True)
    engine.docker("run", "--name", "made", "base", "sh", "-c", "echo 1 > /tmp/one")
    engine.docker("commit", "made", "subject:1")
    engine.docker("rm", "made")
    assert engine.docker("save", "-o", str(file), "subject:1").returncode == 0
    engine.docker("rmi", "subject:1", "base")
    return file


@pytest.fixture(scope="module")
def registry(engine: RunningEngine, archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """It has `subject:1`."""
    with docker_registry(engine.namespace, tmp_path_factory.mktemp("registry"), PORT) as address:
        engine.docker("load", "-i", str(archive))
        engine.docker("tag", "subject:1", f"{address}/subject:1")
        assert engine.docker("push", f"{address}/subject:1").returncode == 0
        engine.docker("rmi", f"{address}/subject:1", "subject:1")
        yield address


@pytest.fixture
def empty(engine: RunningEngine, archive: Path) -> Iterator[Stores]:
    """The stores without the subject, as they are again afterwards. Before that, what the next engine made of what the
    killed one left has nothing that `seaway fsck` would find."""
    before = stores(engine)
    yield before
    wait_until(lambda: not examine(engine.data_root))
    assert examine(engine.data_root) == []
    for name in engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split():
        if "subject" in name:
            engine.docker("rmi", "-f", name)
    engine.docker("image", "prune", "-f")
    wait_until(lambda: stores(engine) == before)
    assert stores(engine) == before


def image_of(engine: RunningEngine, name: str) -> str:
    return engine.docker("image", "inspect", "-f", "{{.Id}}", name).stdout.strip()


@pytest.mark.parametrize("failpoint", [*IMAGE, *NAMES])
def test_load(engine: RunningEngine, empty: Stores, archive: Path, failpoint: str) -> None:
    dies(engine, failpoint, "load", "-i", str(archive))
    if failpoint in LAYER:
        assert stores(engine) == empty
    else:
        assert len(stores(engine).images) == len(empty.images) + 1
        assert stores(engine).unfinished == frozenset()
    assert bool(image_of(engine, "subject:1")) == (failpoint == "names: written")
    assert engine.docker("load", "-i", str(archive)).returncode == 0
    assert engine.docker("run", "--rm", "subject:1", "cat", "/tmp/one").stdout == "1\n"


@pytest.mark.parametrize("failpoint", [*LAYER, "image: parent written", "image: written", *NAMES])
def test_load_from_before_1_10(engine: RunningEngine, empty: Stores, tmp_path: Path, failpoint: str) -> None:
    """Each layer of it is an image; the lower one is the other's parent."""
    file = tmp_path / "old.tar"
    file.write_bytes(v1_archive(subject=TOP))
    dies(engine, failpoint, "load", "-i", str(file))
    found = stores(engine)
    assert found.unfinished == frozenset()
    if failpoint in (*LAYER, "image: parent written"):
        assert found == empty
    else:
        assert len(found.images) == len(empty.images) + (1 if failpoint == "image: written" else 2)
    assert bool(image_of(engine, "archives:subject")) == (failpoint == "names: written")
    assert engine.docker("load", "-i", str(file)).returncode == 0
    assert len(engine.docker("history", "-q", "archives:subject").stdout.split()) == 2
    assert engine.docker("image", "inspect", "-f", "{{.Parent}}", "archives:subject").stdout.startswith("sha256:")


@pytest.mark.parametrize("failpoint", ["image: written", "names: written", "image: parent changed"])
def test_load_of_an_image_and_its_parent(engine: RunningEngine, empty: Stores, tmp_path: Path, failpoint: str) -> None:
    file = tmp_path / "both.tar"
    command = ["docker", "-H", engine.host, "import", "-", "subject-base"]
    subprocess.run(command, input=busybox_tar() + b"\0" * 2048, check=True, capture_output=True)
    engine.docker("run", "--name", "made", "subject-base", "touch", "/tmp/one")
    engine.docker("commit", "made", "subject:1")
    engine.docker("rm", "made")
    assert engine.docker("save", "-o", str(file), "subject:1", "subject-base").returncode == 0
    parent = image_of(engine, "subject-base")
    engine.docker("rmi", "subject:1", "subject-base")
    dies(engine, failpoint, "load", "-i", str(file))
    assert stores(engine).unfinished == frozenset()
    if failpoint == "image: parent changed":
        assert engine.docker("image", "inspect", "-f", "{{.Parent}}", "subject:1").stdout.strip() == parent
    assert engine.docker("load", "-i", str(file)).returncode == 0
    assert engine.docker("image", "inspect", "-f", "{{.Parent}}", "subject:1").stdout.strip() == parent


@pytest.mark.parametrize("failpoint", [*BLOB, *IMAGE, NOTES, *NAMES])
def test_pull(engine: RunningEngine, empty: Stores, registry: str, failpoint: str) -> None:
    name = f"{registry}/subject:1"
    dies(engine, failpoint, "pull", name)
    if failpoint in (*BLOB, *LAYER):
        assert stores(engine) == empty
    assert not image_of(engine, name)
    assert engine.docker("pull", name).returncode == 0
    assert engine.docker("run", "--rm", name, "cat", "/tmp/one").stdout == "1\n"
    assert not any((engine.data_root / "seaway/blobs/ingest").iterdir())


@pytest.mark.parametrize("failpoint", [*IMAGE, "image: parent written", *NAMES])
def test_commit(engine: RunningEngine, empty: Stores, failpoint: str) -> None:
    engine.docker("run", "--name", "subject", "busybox", "sh", "-c", "echo 2 > /tmp/two")
    with_container = stores(engine)
    dies(engine, failpoint, "commit", "subject", "subject:2")
    if failpoint in (*LAYER, "image: parent written"):
        assert stores(engine) == with_container
    assert engine.docker("commit", "subject", "subject:2").returncode == 0
    assert engine.docker("run", "--rm", "subject:2", "cat", "/tmp/two").stdout == "2\n"
    engine.docker("rm", "subject")


@pytest.mark.parametrize("failpoint", NAMES)
def test_tag(engine: RunningEngine, empty: Stores, archive: Path, failpoint: str) -> None:
    engine.docker("load", "-i", str(archive))
    engine.docker("tag", "busybox", "subject:moving")
    old, new = image_of(engine, "busybox"), image_of(engine, "subject:1")
    dies(engine, failpoint, "tag", "subject:1", "subject:moving")
    assert image_of(engine, "subject:moving") == (new if failpoint == "names: written" else old)
    assert json.loads((engine.data_root / "image/overlay2/repositories.json").read_text())["Repositories"]["subject"]


@pytest.mark.parametrize("failpoint", REMOVE)
def test_remove(engine: RunningEngine, empty: Stores, archive: Path, failpoint: str) -> None:
    engine.docker("load", "-i", str(archive))
    loaded, image_id = stores(engine), image_of(engine, "subject:1")
    dies(engine, failpoint, "rmi", "subject:1")
    if failpoint.startswith("names"):
        assert stores(engine) == loaded
        assert image_of(engine, image_id) == image_id
        assert bool(image_of(engine, "subject:1")) == (failpoint == "names: chosen")
    else:
        wait_until(lambda: stores(engine) == empty)
        assert stores(engine) == empty


def test_afterwards_fsck_finds_nothing(engine: RunningEngine, empty: Stores, archive: Path) -> None:
    """Of an engine that was killed in the middle, and of none that came after it."""
    dies(engine, "layer: unpacked", "load", "-i", str(archive))
    assert engine.stop() == 0
    command = [engine.program, "fsck", "--data-root", str(engine.data_root)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    engine.start()
    assert (done.returncode, done.stdout.splitlines()[-1][:6]) == (0, "clean:"), done.stdout
