"""A service as people run it: Debian's redis, from a registry, with a volume and a published port, through an engine's death."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.conftest import started_engine
from conformance.engines import RunningEngine, make_namespace
from conformance.registries import docker_registry, inside
from conformance.skopeo import push

REGISTRY_PORT = 5000
IMAGE = f"127.0.0.1:{REGISTRY_PORT}/debian/redis:12"
ENGINE_ADDRESS, OTHER_ADDRESS = "192.0.2.1", "192.0.2.2"
SERVE = [
    "redis-server",
    "--dir",
    "/var/lib/redis",
    "--appendonly",
    "yes",
    "--bind",
    "0.0.0.0",
    "--protected-mode",
    "no",
]


@pytest.mark.timeout(600)
def test_redis_from_debian(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> None:
    if not shutil.which("debootstrap"):
        pytest.skip("needs debootstrap")
    if pytestconfig.getoption("--engine-host", None):
        pytest.skip("an engine of others is not killed")
    tree = debian_tree(pytestconfig.cache.mkdir("debian"))
    root = tmp_path_factory.mktemp("service")
    with (
        started_engine(pytestconfig, root, "--live-restore") as engine,
        docker_registry(engine.namespace, root / "registry", REGISTRY_PORT),
        other_host(engine.namespace) as other,
    ):
        publish_image(engine, tree, root)
        # The volume gets its owner from the directory of the image.
        published = ["-v", "redis:/var/lib/redis", "-p", "6379:6379"]
        ran = engine.docker("run", "-d", "--name", "redis", *published, IMAGE, timeout=120)
        assert ran.returncode == 0, ran.stderr
        assert ask(other, "SET port 6379") == "+OK"

        if engine.is_seaway:  # dockerd's containerd, and what it runs, does not survive this
            engine.kill()
            assert ask(other, "SET port 6380") == "+OK"
            engine.start("--live-restore")
        assert engine.docker("inspect", "-f", "{{.State.Status}} {{.RestartCount}}", "redis").stdout == "running 0\n"
        assert ask(other, "SET port 6381") == "+OK"
        assert "Ready to accept connections" in engine.docker("logs", "redis").stdout
        assert engine.docker("exec", "redis", "redis-cli", "GET", "port").stdout == "6381\n"

        assert engine.docker("restart", "redis").returncode == 0
        assert ask(other, "GET port") == "6381"
        assert engine.docker("rm", "-f", "redis").returncode == 0
        engine.docker("run", "-d", "--name", "again", *published, IMAGE)
        assert ask(other, "GET port") == "6381"
        engine.docker("rm", "-f", "-v", "again")
        assert engine.docker("volume", "ls", "-q").stdout == "redis\n"


def debian_tree(cache: Path) -> Path:
    """Debian with redis as debootstrap makes it, made once."""
    tree = cache / "redis.tar"
    if tree.exists():
        return tree
    with staged(cache / "tree") as root:
        bootstrap = ["debootstrap", "--variant=minbase", "--include=redis-server", "stable", str(root), mirror()]
        done = subprocess.run(bootstrap, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        left_out = [f"--exclude=./{path}" for path in ("var/cache/apt/*", "var/lib/apt/lists/*", "proc/*", "sys/*")]
        subprocess.run(["tar", "-C", root, *left_out, "--numeric-owner", "-cf", f"{tree}.part", "."], check=True)
    Path(f"{tree}.part").rename(tree)
    return tree


@contextmanager
def staged(folder: Path) -> Iterator[Path]:
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def mirror() -> str:
    """The one that this machine's apt uses."""
    listed = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    found = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split()
    return next((url for url in found if "security" not in url), "http://deb.debian.org/debian")


def publish_image(engine: RunningEngine, tree: Path, scratch: Path) -> None:
    """Into the registry by skopeo, and out of the engine's own store, so that it has to be pulled."""
    command = ",".join(f'"{word}"' for word in SERVE)
    changes = ["USER redis", "EXPOSE 6379", f"CMD [{command}]"]
    options = [word for change in changes for word in ("-c", change)]
    assert engine.docker("import", *options, str(tree), "made:1", timeout=120).returncode == 0
    push(engine, "made:1", IMAGE, scratch)
    assert engine.docker("rmi", "made:1").returncode == 0


@contextmanager
def other_host(engine_namespace: str) -> Iterator[str]:
    """A network namespace that sees the engine's as another machine."""
    name = f"{engine_namespace}-other"
    make_namespace(name)
    try:
        for command in (
            ["link", "add", "wire0", "type", "veth", "peer", "name", "wire0", "netns", engine_namespace],
            ["addr", "add", f"{OTHER_ADDRESS}/30", "dev", "wire0"],
            ["link", "set", "wire0", "up"],
        ):
            subprocess.run(["ip", "-n", name, *command], check=True)
        for command in (["addr", "add", f"{ENGINE_ADDRESS}/30", "dev", "wire0"], ["link", "set", "wire0", "up"]):
            subprocess.run(["ip", "-n", engine_namespace, *command], check=True)
        yield name
    finally:
        subprocess.run(["ip", "netns", "del", name], check=True)


def ask(namespace: str, command: str) -> str:
    """The service's answer, from that namespace; one that only starts is given time."""
    deadline = time.monotonic() + 20
    while True:
        try:
            if not (answer := inside(namespace, lambda: _ask(command))).startswith("-LOADING"):
                return answer
        except (ConnectionError, TimeoutError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def _ask(command: str) -> str:
    with socket.create_connection((ENGINE_ADDRESS, 6379), timeout=5) as connection:
        connection.sendall(command.encode() + b"\r\n")
        lines = connection.makefile("rb")
        first = lines.readline().decode().strip()
        if not first:
            raise ConnectionError("no answer")
        return lines.readline().decode().strip() if first.startswith("$") else first
