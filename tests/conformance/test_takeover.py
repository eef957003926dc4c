"""A data root that Debian's dockerd wrote opens in Seaway, and what Seaway made opens in dockerd again."""

import hashlib
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from conformance.conftest import import_busybox
from conformance.engines import SEAWAY, RunningEngine, end_leftovers
from seaway.kernel import cgroup

DOCKERD = shutil.which("dockerd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not DOCKERD, reason="needs root and Debian's docker.io")


@dataclass
class Root:
    """One data root; `open` starts an engine of either kind on it, after the other has ended."""

    dockerd: RunningEngine
    seaway: RunningEngine

    def open(self, engine: RunningEngine) -> RunningEngine:
        for other in (self.dockerd, self.seaway):
            if other.process and not other.ended():
                assert other.stop() == 0
        engine.start()
        return engine


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    undo_cgroup = cgroup.ensure_crun_can_start()
    namespace = f"seaway-takeover-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
    seaway = RunningEngine(tmp_path, namespace, SEAWAY)
    both = Root(replace(seaway, program=str(DOCKERD)), seaway)
    try:
        yield both
        both.open(both.seaway)
        assert both.seaway.stop() == 0
    finally:
        for engine in (both.dockerd, both.seaway):
            if engine.process and not engine.ended():
                engine.kill()
        end_leftovers(namespace, tmp_path)
        undo_cgroup()


def ok(engine: RunningEngine, *arguments: str) -> str:
    done = engine.docker(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def layer_digests(engine: RunningEngine, image: str, file: Path) -> set[str]:
    """Of the layers' bytes, as `save` gives them."""
    ok(engine, "save", "-o", str(file), image)
    with tarfile.open(file) as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest
        layers = [archive.extractfile(os.path.normpath(name)) for name in json.load(manifest)[0]["Layers"]]
        return {hashlib.sha256(layer.read()).hexdigest() for layer in layers if layer}


def image_lines(engine: RunningEngine) -> list[str]:
    return sorted(ok(engine, "images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}").splitlines())


def test_there_and_back(root: Root, tmp_path: Path) -> None:
    dockerd = root.open(root.dockerd)
    import_busybox(dockerd)
    ok(dockerd, "volume", "create", "data")
    ok(dockerd, "run", "--name", "old", "-l", "kept=yes", "-v", "data:/data", "busybox", "sh", "-c",
       "echo by dockerd > /data/f; echo hello > /tmp/f")  # fmt: skip
    ok(dockerd, "commit", "-c", "LABEL by=dockerd", "old", "made:dockerd")
    images, layers = image_lines(dockerd), layer_digests(dockerd, "made:dockerd", tmp_path / "a.tar")

    seaway = root.open(root.seaway)
    assert image_lines(seaway) == images
    assert layer_digests(seaway, "made:dockerd", tmp_path / "b.tar") == layers
    assert ok(seaway, "ps", "-a", "--format", '{{.Names}} {{.Label "kept"}}') == "old yes"
    assert ok(seaway, "run", "--rm", "-v", "data:/d", "made:dockerd", "cat", "/tmp/f", "/d/f") == "hello\nby dockerd"
    assert ok(seaway, "start", "-a", "old") == ""
    ok(seaway, "commit", "-c", "LABEL by=seaway", "old", "made:seaway")
    ok(
        seaway,
        "run",
        "--name",
        "new",
        "-v",
        "data:/d",
        "made:seaway",
        "sh",
        "-c",
        "echo by seaway > /d/g; echo x > /tmp/g",
    )
    ok(seaway, "rmi", "made:dockerd")
    images, layers = image_lines(seaway), layer_digests(seaway, "made:seaway", tmp_path / "c.tar")

    dockerd = root.open(root.dockerd)
    assert image_lines(dockerd) == images
    assert layer_digests(dockerd, "made:seaway", tmp_path / "d.tar") == layers
    assert ok(dockerd, "image", "inspect", "-f", "{{.Config.Labels.by}}", "made:seaway") == "seaway"
    assert sorted(ok(dockerd, "ps", "-a", "--format", "{{.Names}}").splitlines()) == ["new", "old"]
    assert ok(dockerd, "run", "--rm", "-v", "data:/d", "made:seaway", "cat", "/tmp/f", "/d/g") == "hello\nby seaway"
    ok(dockerd, "rm", "new", "old")
    ok(dockerd, "rmi", "made:seaway")
