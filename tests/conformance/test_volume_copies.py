"""Clone, rename, export and import of volumes, through `seaway volume`."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.volumes import none_left

pytestmark = pytest.mark.seaway_only("dockerd has no such routes")


@pytest.fixture(autouse=True)
def _no_volumes_left(engine: RunningEngine) -> Iterator[None]:
    with none_left(engine):
        yield


def volume(engine: RunningEngine, *args: str, data: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-c", "from seaway.cli.main import main; raise SystemExit(main())", "volume"]
    return subprocess.run(
        [*command, "-H", engine.host, *args], input=data, capture_output=True, timeout=60, check=False
    )


def fill(engine: RunningEngine, name: str) -> Path:
    script = "echo hi > /v/f; busybox ln /v/f /v/hard; busybox ln -s f /v/soft; busybox chown 33:34 /v/f"
    engine.docker("run", "--rm", "-v", f"{name}:/v", "busybox", "sh", "-c", script)
    return engine.data_root / "volumes" / name / "_data"


def test_clone(engine: RunningEngine) -> None:
    engine.docker("volume", "create", "first", "--label", "a=b")
    original = fill(engine, "first")
    assert volume(engine, "clone", "first", "second").stdout == b"second\n"
    copy = engine.data_root / "volumes/second/_data"
    assert subprocess.run(["diff", "-r", "--no-dereference", original, copy], check=False).returncode == 0
    assert ((copy / "f").stat().st_uid, (copy / "f").stat().st_nlink) == (33, 2)
    assert engine.docker("volume", "inspect", "-f", "{{.Labels.a}}", "second").stdout == "b\n"
    (copy / "f").write_text("changed")
    assert (original / "f").read_text() == "hi\n"
    taken = volume(engine, "clone", "first", "second")
    assert (taken.returncode, b"a volume named second already exists" in taken.stderr) == (1, True)
    assert b"get gone: no such volume" in volume(engine, "clone", "gone", "x1").stderr


def test_rename(engine: RunningEngine) -> None:
    fill(engine, "old")
    assert volume(engine, "rename", "old", "new").returncode == 0
    assert engine.docker("run", "--rm", "-v", "new:/v", "busybox", "cat", "/v/f").stdout == "hi\n"
    engine.docker("create", "--name", "user", "-v", "new:/v", "busybox", "true")
    assert b"volume is in use - [" in volume(engine, "rename", "new", "newer").stderr
    engine.docker("rm", "user")
    engine.docker("volume", "create", "taken")
    assert b"a volume named taken already exists" in volume(engine, "rename", "new", "taken").stderr
    assert b"includes invalid characters" in volume(engine, "rename", "new", "../x").stderr


def test_export_and_import(engine: RunningEngine, tmp_path: Path) -> None:
    original = fill(engine, "out")
    engine.docker("volume", "create", "in")
    data = volume(engine, "export", "out").stdout
    assert volume(engine, "export", "out", "-o", str(tmp_path / "tar")).returncode == 0
    assert (tmp_path / "tar").read_bytes() == data
    packed = subprocess.run(["gzip"], input=data, capture_output=True, check=True).stdout
    assert volume(engine, "import", "in", data=packed).returncode == 0
    copy = engine.data_root / "volumes/in/_data"
    assert subprocess.run(["diff", "-r", "--no-dereference", original, copy], check=False).returncode == 0
    assert os.stat(copy / "f").st_uid == 33
    failed = volume(engine, "import", "in", data=b"garbage")
    assert (failed.returncode, b"import in: unexpected EOF" in failed.stderr) == (1, True)
