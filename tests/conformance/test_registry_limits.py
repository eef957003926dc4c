"""How many layers go at one time, how often a registry is asked again, and that layers are unpacked as they come."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import Restarted, RunningEngine
from conformance.registries import faults, go_on

PORT = 5017


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "requests"


@pytest.fixture
def registry(engine: RunningEngine, log: Path) -> Iterator[str]:
    with faults(engine, log, PORT) as address:
        yield address


@pytest.mark.parametrize(("flags", "most"), [((), "3"), (("--max-concurrent-downloads", "1"), "1")])
def test_so_many_downloads_at_once(
    restarted: Restarted, engine: RunningEngine, registry: str, log: Path, flags: tuple[str, ...], most: str
) -> None:
    if flags:
        restarted(*flags)
    done = engine.docker("pull", f"{registry}/wide:1", timeout=60)
    assert done.returncode == 0, done.stderr
    assert Path(f"{log}.most").read_text() == most


def test_so_many_attempts(restarted: Restarted, engine: RunningEngine, registry: str, log: Path) -> None:
    restarted("--max-download-attempts", "1")
    assert engine.docker("pull", f"{registry}/resets:1", timeout=60).returncode == 1
    asked = [line.split()[1] for line in log.read_text().splitlines() if "/v2/resets/blobs/" in line]
    assert max(map(asked.count, asked)) == 1
    assert engine.docker("pull", f"{registry}/resets:1", timeout=60).returncode == 0


def test_a_layer_is_unpacked_while_the_next_one_is_on_its_way(engine: RunningEngine, registry: str) -> None:
    with subprocess.Popen(
        ["docker", "-H", engine.host, "pull", f"{registry}/late:1"], stdout=subprocess.PIPE, text=True
    ) as pull:
        assert pull.stdout
        before = next(line for line in pull.stdout if "Pull complete" in line or "Status:" in line)
        go_on(engine.namespace, PORT)
        after = pull.stdout.read()
    assert "Pull complete" in before
    assert "Pull complete" in after
    assert pull.returncode == 0


def test_search(engine: RunningEngine, registry: str, log: Path) -> None:
    """An index of one's own, which is asked as Docker Hub is."""
    done = engine.docker(
        "search", "--limit", "7", "--format", "{{.Name}} {{.StarCount}} {{.IsOfficial}}", f"{registry}/app"
    )
    assert (done.stdout, done.stderr) == ("ann/app 7 \napp 3 [OK]\n", "")
    assert "GET /v1/search?q=app&n=7 " in log.read_text()
    for condition, found in (
        ("stars=5", ["ann/app"]),
        ("is-official=true", ["app"]),
        ("is-official=false", ["ann/app"]),
    ):
        done = engine.docker("search", "-f", condition, "--format", "{{.Name}}", f"{registry}/app")
        assert done.stdout.split() == found
    refused = engine.docker("search", "-f", "colour=red", f"{registry}/app")
    assert "invalid filter 'colour'" in refused.stderr.lower()
