"""Compose, of both generations: Debian's 1.29 in Python, and 5 in Go."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import urlopen

import pytest

from conformance.conftest import RunningEngine
from conformance.registries import inside

PROJECT = """\
services:
  web:
    image: busybox
    command: sh -c 'mkdir -p /www && echo "$$GREETING" > /www/index.html && exec httpd -f -h /www'
    environment: {GREETING: hello}
    ports: ["18088:80"]
    volumes: ["data:/data"]
    depends_on: [db]
  db:
    image: busybox
    command: sh -c 'echo ready; exec nc -ll -p 5432 -e echo pong'
    stop_grace_period: 1s
volumes:
  data: {}
"""
COMPOSES = {
    "python": shutil.which("docker-compose", path="/usr/bin"),
    "go": shutil.which("docker-compose", path=str(Path(sys.executable).parent)),
}
Compose = Callable[..., str]


@pytest.fixture(params=["python", "go"])
def compose(engine: RunningEngine, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Compose]:
    """Runs one of them on the project, and gives what it says. What it made goes away at the end."""
    program = COMPOSES[request.param]
    if program is None:
        pytest.skip(f"no compose of that generation here: {request.param}")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop/compose.yaml").write_text(PROJECT)

    def run(*words: str, check: bool = True) -> str:
        done = subprocess.run(
            [program, "-f", "compose.yaml", *words],
            cwd=tmp_path / "shop",
            env={"DOCKER_HOST": engine.host, "HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "COMPOSE_ANSI": "never"},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert not (check and done.returncode), done.stdout + done.stderr
        return done.stdout

    yield run
    run("down", "-v", "-t", "0", check=False)


def names(engine: RunningEngine, kind: str) -> set[str]:
    return set(engine.docker(kind, "ls", "--format", "{{.Name}}", "--filter", "name=shop").stdout.split())


def test_a_project_comes_up_and_goes_down(engine: RunningEngine, compose: Compose) -> None:
    compose("up", "-d")
    ids = compose("ps", "-q").split()
    assert len(ids) == 2
    page = inside(engine.namespace, lambda: urlopen("http://127.0.0.1:18088/", timeout=10).read())
    assert page == b"hello\n"
    assert compose("exec", "-T", "web", "nc", "db", "5432") == "pong\n"
    assert "ready" in compose("logs", "db")
    assert compose("exec", "-T", "web", "sh", "-c", "echo kept >/data/f && cat /data/f") == "kept\n"
    assert names(engine, "network") == {"shop_default"}
    assert names(engine, "volume") == {"shop_data"}
    compose("up", "-d")
    assert compose("ps", "-q").split() == ids, "nothing has changed, so nothing is made anew"
    compose("restart", "-t", "1", "web")
    assert compose("exec", "-T", "web", "cat", "/data/f") == "kept\n"
    compose("down", "-v", "-t", "1")
    assert names(engine, "network") == names(engine, "volume") == set()
    assert engine.docker("ps", "-aq", "--filter", "name=shop").stdout == ""


def test_scaling_and_one_off_runs(engine: RunningEngine, compose: Compose) -> None:
    compose("up", "-d", "--scale", "db=3")
    found = compose("exec", "-T", "web", "nslookup", "db")
    assert len({line for line in found.splitlines() if line.startswith("Address") and "127.0.0.11" not in line}) == 3
    assert compose("run", "--rm", "-T", "web", "nc", "db", "5432") == "pong\n"
    compose("up", "-d", "--scale", "db=1")
    assert len(compose("ps", "-q", "db").split()) == 1
