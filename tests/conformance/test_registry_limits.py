"""How many layers go at one time, how often a registry is asked again, and that layers are unpacked as they come."""

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.conftest import Restarted, RunningEngine
from conformance.registries import docker_registry, go_on

REGISTRY_PORT = 5019
RESUMES = pytest.mark.seaway_only("dockerd goes on with a body that breaks off, and counts no attempt")


@pytest.mark.parametrize(
    ("flags", "most"),
    [((), "3"), (("--max-concurrent-downloads", "1"), "1")],
)
def test_so_many_downloads_at_once(
    restarted: Restarted, engine: RunningEngine, faulty: str, requests: Path, flags: tuple[str, ...], most: str
) -> None:
    if flags:
        restarted(*flags)
    done = engine.docker("pull", f"{faulty}/wide:1", timeout=60)
    assert done.returncode == 0, done.stderr
    assert Path(f"{requests}.most").read_text() == most


def test_a_limit_of_0_is_none(restarted: Restarted, faulty: str, requests: Path) -> None:
    engine = restarted("--max-concurrent-downloads", "0")
    assert engine.docker("pull", f"{faulty}/wide:1", timeout=60).returncode == 0
    assert int(Path(f"{requests}.most").read_text()) > 3


@RESUMES
def test_so_many_attempts(restarted: Restarted, engine: RunningEngine, faulty: str, requests: Path) -> None:
    restarted("--max-download-attempts", "1")
    assert engine.docker("pull", f"{faulty}/resets:1", timeout=60).returncode == 1
    asked = [line.split()[1] for line in requests.read_text().splitlines() if "/v2/resets/blobs/" in line]
    assert max(map(asked.count, asked)) == 1
    assert engine.docker("pull", f"{faulty}/resets:1", timeout=60).returncode == 0


class Reloadable:
    """An engine that begins with `options`, and gets others by SIGHUP."""

    def __init__(self, file: Path, restarted: Restarted, **options: int) -> None:
        self._file = file
        self._write(options)
        self.engine = restarted("--config-file", str(file))
        self._log = self.engine.root / "log"
        wait_until(lambda: "completed initialization" in self._log.read_text().rpartition("Starting up")[2])

    def reload(self, **options: int) -> None:
        before = self._reloads()
        self._write(options)
        assert self.engine.process
        self.engine.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self._reloads() > before)

    def _write(self, options: dict[str, int]) -> None:
        self._file.write_text(json.dumps({name.replace("_", "-"): value for name, value in options.items()}))

    def _reloads(self) -> int:
        return self._log.read_text().count("Reloaded configuration")


@pytest.mark.seaway_only("dockerd lets in one layer for each that ends, whatever the limit is now")
def test_a_reload_lets_in_layers_that_wait(restarted: Restarted, tmp_path: Path, faulty: str, requests: Path) -> None:
    made = Reloadable(tmp_path / "daemon.json", restarted, max_concurrent_downloads=1)
    with subprocess.Popen(
        ["docker", "-H", made.engine.host, "pull", f"{faulty}/wide:1"], stdout=subprocess.DEVNULL
    ) as pull:
        wait_until(lambda: requests.exists() and "/v2/wide/blobs/" in requests.read_text())
        made.reload(max_concurrent_downloads=2)
        assert pull.wait(30) == 0
    assert Path(f"{requests}.most").read_text() == "2"


def test_a_reload_limits_the_next_pull(restarted: Restarted, tmp_path: Path, faulty: str, requests: Path) -> None:
    made = Reloadable(tmp_path / "daemon.json", restarted)
    made.reload(max_concurrent_downloads=1)
    assert made.engine.docker("pull", f"{faulty}/wide:1", timeout=60).returncode == 0
    assert Path(f"{requests}.most").read_text() == "1"


@RESUMES
def test_a_reload_limits_attempts(restarted: Restarted, tmp_path: Path, faulty: str, requests: Path) -> None:
    made = Reloadable(tmp_path / "daemon.json", restarted)
    made.reload(max_download_attempts=1)
    assert made.engine.docker("pull", f"{faulty}/resets:1", timeout=60).returncode == 1
    made.reload(max_download_attempts=3)
    assert made.engine.docker("pull", f"{faulty}/resets:1", timeout=60).returncode == 0
    assert made.engine.docker("pull", f"{faulty}/dies:1", timeout=60).returncode == 0
    asked = [line.split()[1] for line in requests.read_text().splitlines() if "/v2/dies/blobs/" in line]
    assert max(map(asked.count, asked)) == 2


def test_a_reload_limits_uploads(restarted: Restarted, tmp_path: Path) -> None:
    made = Reloadable(tmp_path / "daemon.json", restarted, max_concurrent_uploads=1)
    engine = made.engine
    with docker_registry(engine.namespace, tmp_path / "registry", REGISTRY_PORT) as registry:
        names = [f"{registry}/{name}" for name in ("one", "many")]
        with several_layers(engine) as image:
            for name in names:
                engine.docker("tag", image, name)
        one = engine.docker("push", names[0], timeout=60)
        made.reload(max_concurrent_uploads=5)
        many = engine.docker("push", names[1], timeout=60)
        engine.docker("rmi", *names)
    assert (one.returncode, many.returncode) == (0, 0)
    assert "Waiting" in one.stdout
    assert "Waiting" not in many.stdout


@contextmanager
def several_layers(engine: RunningEngine) -> Iterator[str]:
    base = "busybox"
    for number in range(3):
        engine.docker("run", "--name", "maker", base, "sh", "-c", f"echo {number} > /{number}")
        engine.docker("commit", "maker", base := "layered")
        engine.docker("rm", "maker")
    yield base
    engine.docker("rmi", base)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_layer_is_unpacked_while_the_next_one_is_on_its_way(engine: RunningEngine, faulty: str) -> None:
    with subprocess.Popen(
        ["docker", "-H", engine.host, "pull", f"{faulty}/late:1"], stdout=subprocess.PIPE, text=True
    ) as pull:
        assert pull.stdout
        before = next(line for line in pull.stdout if "Pull complete" in line or "Status:" in line)
        go_on(engine, faulty)
        after = pull.stdout.read()
    assert "Pull complete" in before
    assert "Pull complete" in after
    assert pull.returncode == 0


def test_search(engine: RunningEngine, faulty: str, requests: Path) -> None:
    """An index of one's own, which is asked as Docker Hub is."""
    done = engine.docker(
        "search", "--limit", "7", "--format", "{{.Name}} {{.StarCount}} {{.IsOfficial}}", f"{faulty}/app"
    )
    assert (done.stdout, done.stderr) == ("ann/app 7 \napp 3 [OK]\n", "")
    assert "GET /v1/search?q=app&n=7 " in requests.read_text()
    for condition, found in (
        ("stars=5", ["ann/app"]),
        ("is-official=true", ["app"]),
        ("is-official=false", ["ann/app"]),
    ):
        done = engine.docker("search", "-f", condition, "--format", "{{.Name}}", f"{faulty}/app")
        assert done.stdout.split() == found
    refused = engine.docker("search", "-f", "colour=red", f"{faulty}/app")
    assert "invalid filter 'colour'" in refused.stderr.lower()
