"""A pull from registries that break, lie and attack: a clear error, nothing left behind, and the next pull goes on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.registries import go_on

CLIMBS = pytest.mark.seaway_only("a layer with a name that climbs out by `..` is refused, not bent back")
RESUMES = pytest.mark.seaway_only("a download that was interrupted is resumed by the next pull")


def layers(engine: RunningEngine) -> set[str]:
    return set(os.listdir(engine.data_root / "overlay2")) - {"l", ".seaway-trash"}


def ranges(requests: Path, name: str) -> list[str]:
    """Of each request for a blob: `-` for all of it."""
    asked = [line.split() for line in requests.read_text().splitlines()]
    return [(line[2:] or ["-"])[0] for line in asked if line[1].startswith(f"/v2/{name}/blobs/")]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wrong", "filesystem layer verification failed for digest sha256:"),
        ("short", "unexpected EOF"),
        ("notar", "archive/tar: invalid tar header"),
        pytest.param("climbs", "outside of", marks=CLIMBS),
    ],
)
def test_it_fails_clearly_and_leaves_nothing(engine: RunningEngine, faulty: str, name: str, said: str) -> None:
    before = layers(engine)
    done = engine.docker("pull", f"{faulty}/{name}:1", timeout=60)
    assert done.returncode == 1
    assert said in done.stderr
    assert engine.docker("image", "inspect", f"{faulty}/{name}:1").returncode == 1
    assert layers(engine) == before
    assert engine.docker("pull", f"{faulty}/good:1").returncode == 0


@pytest.mark.parametrize("name", ["html", "otherdiff"])
def test_lies(engine: RunningEngine, faulty: str, name: str) -> None:
    before = layers(engine)
    done = engine.docker("pull", f"{faulty}/{name}:1", timeout=120)
    assert done.returncode == 1
    assert done.stderr.strip()
    assert layers(engine) == before


def test_a_layer_stays_in_its_root(engine: RunningEngine, faulty: str) -> None:
    """What links and names lead to is inside, or refused; a device node is as good as any."""
    for name in ("absolute", "hardlink"):
        engine.docker("pull", f"{faulty}/{name}:1")
    assert not Path("/tmp/seaway-absolute").exists()
    assert engine.docker("pull", f"{faulty}/device:1").returncode == 0


@pytest.mark.parametrize("name", ["dies", "resets"])
def test_a_registry_that_breaks_off_is_asked_again(
    engine: RunningEngine, faulty: str, requests: Path, name: str
) -> None:
    done = engine.docker("pull", f"{faulty}/{name}:1", timeout=60)
    assert done.returncode == 0, done.stderr
    assert ranges(requests, name)[1] == "-"
    assert ranges(requests, name)[2].startswith("bytes=")


def test_two_pulls_share_a_transfer(engine: RunningEngine, faulty: str, requests: Path) -> None:
    command = ["docker", "-H", engine.host, "pull", f"{faulty}/slow:1"]
    pulls = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for pull in pulls:
        assert pull.stdout
        assert any("Pulling fs layer" in line for line in pull.stdout)
    go_on(engine, faulty)
    for pull in pulls:
        out, _ = pull.communicate(timeout=30)
        assert "Pull complete" in out
        assert pull.returncode == 0
    blobs = [line for line in requests.read_text().splitlines() if line.startswith("GET /v2/slow/blobs/")]
    assert len(blobs) == 1 + 2, blobs  # the layer once, the config twice


def test_a_registry_that_knows_no_ranges_is_read_from_the_start(
    engine: RunningEngine, faulty: str, requests: Path
) -> None:
    assert engine.docker("pull", f"{faulty}/norange:1", timeout=60).returncode == 0


@RESUMES
def test_ctrl_c_stops_and_the_next_pull_resumes(engine: RunningEngine, faulty: str, requests: Path) -> None:
    pull = stalled_pull(engine, faulty, requests)
    pull.send_signal(signal.SIGINT)
    pull.wait(10)
    assert_resumed(engine, faulty, requests)


@RESUMES
def test_who_shares_a_transfer_goes_on_when_the_other_stops(engine: RunningEngine, faulty: str, requests: Path) -> None:
    first = stalled_pull(engine, faulty, requests)
    command = ["docker", "-H", engine.host, "pull", f"{faulty}/stalls:1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as second:
        assert second.stdout
        assert any("Pulling fs layer" in line for line in second.stdout)
        first.send_signal(signal.SIGINT)
        first.wait(10)
        second.communicate(timeout=30)
    assert second.returncode == 0
    assert int(ranges(requests, "stalls")[-1].removeprefix("bytes=").removesuffix("-")) >= 1 << 20


@RESUMES
def test_a_killed_engine_resumes(engine: RunningEngine, faulty: str, requests: Path) -> None:
    pull = stalled_pull(engine, faulty, requests)
    engine.kill()
    pull.wait(10)
    engine.start()
    assert_resumed(engine, faulty, requests)


def stalled_pull(engine: RunningEngine, faulty: str, requests: Path) -> "subprocess.Popen[bytes]":
    """A pull of which half a layer has come, and no more will."""
    command = ["docker", "-H", engine.host, "pull", f"{faulty}/stalls:1"]
    pull = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    partial = engine.data_root / "seaway/blobs/ingest"
    deadline = time.monotonic() + 20
    while not any(file.stat().st_size >= 1 << 20 for file in partial.iterdir()):
        assert time.monotonic() < deadline, requests.read_text()
        time.sleep(0.02)
    return pull


def assert_resumed(engine: RunningEngine, faulty: str, requests: Path) -> None:
    done = engine.docker("pull", f"{faulty}/stalls:1")
    assert done.returncode == 0, done.stderr
    last = ranges(requests, "stalls")[-1]
    assert int(last.removeprefix("bytes=").removesuffix("-")) >= 1 << 20
    assert list((engine.data_root / "seaway/blobs/ingest").iterdir()) == []
