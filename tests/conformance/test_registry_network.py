"""The way to a registry: mirrors, proxies, redirects to blob stores."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.conftest import Restarted, RunningEngine
from conformance.registries import docker_registry, faulty_registry

PORT, MIRROR_PORT = 5011, 5012
FAR = "10.99.98.1"
"""An address that no rule of proxies excepts, unlike a loopback one."""
HOSTS = pytest.mark.seaway_only("any registry may have mirrors, by hosts.toml")
ANY_POINT = pytest.mark.seaway_only("a mirror may break off at any point")


def requests(log: Path) -> list[str]:
    return [line.split()[1] for line in log.read_text().splitlines()]


def headers_of(log: Path, path: str) -> list[dict[str, str]]:
    lines = Path(f"{log}.headers").read_text().splitlines()
    return [headers for found, headers in map(json.loads, lines) if path in found]


@contextmanager
def told(registry: str, text: str) -> Iterator[None]:
    """With this `hosts.toml`."""
    folder = Path(f"/etc/docker/certs.d/{registry}")
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True)
    try:
        (folder / "hosts.toml").write_text(text)
        yield
    finally:
        shutil.rmtree(folder)
        for parent in made[1:]:
            parent.rmdir()


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "requests"


@pytest.fixture
def origin(engine: RunningEngine, tmp_path: Path) -> Iterator[str]:
    """A registry with `good` and `dies` of the faulty one, whole."""
    with docker_registry(engine.namespace, tmp_path / "origin", PORT) as address:
        for name in ("good", "wrong", "good-dies"):
            engine.docker("tag", "busybox", f"{address}/{name}:1")
            assert engine.docker("push", f"{address}/{name}:1").returncode == 0
            engine.docker("rmi", f"{address}/{name}:1")
        yield address
        forget(engine, address)


@pytest.fixture
def mirror(engine: RunningEngine, log: Path) -> Iterator[str]:
    with faulty_registry(engine.namespace, log, MIRROR_PORT) as address:
        yield address
        forget(engine, address)


def forget(engine: RunningEngine, address: str) -> None:
    names = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    if mine := [name for name in names if name.startswith(address)]:
        engine.docker("rmi", *mine)


def is_the_mirrors(engine: RunningEngine, name: str) -> bool:
    return bool(
        engine.docker("inspect", "-f", "{{.Config.Labels.name}}", name).stdout.strip().removeprefix("<no value>")
    )


def test_a_mirror_of_the_hub(engine: RunningEngine, restarted: Restarted, tmp_path: Path) -> None:
    with docker_registry(engine.namespace, tmp_path / "hub", MIRROR_PORT) as address:
        engine.docker("tag", "busybox", f"{address}/library/seaway-mirrored:1")
        assert engine.docker("push", f"{address}/library/seaway-mirrored:1").returncode == 0
        engine.docker("rmi", f"{address}/library/seaway-mirrored:1")
        restarted("--registry-mirror", "http://127.0.0.1:9", "--registry-mirror", f"http://{address}")
        done = engine.docker("pull", "seaway-mirrored:1")
        assert done.returncode == 0, done.stderr
        assert "1: Pulling from library/seaway-mirrored" in done.stdout
        engine.docker("rmi", "seaway-mirrored:1")


@HOSTS
def test_any_registry_may_have_a_mirror(engine: RunningEngine, origin: str, mirror: str, log: Path) -> None:
    with told(origin, f'[host."http://{mirror}"]\n[host."http://{mirror}".header]\nx-key = "k"'):
        assert engine.docker("pull", f"{origin}/good:1").returncode == 0
    assert is_the_mirrors(engine, f"{origin}/good:1")
    assert all(headers["x-key"] == "k" for headers in headers_of(log, "/v2/good/"))


@HOSTS
def test_what_a_mirror_lacks_the_registry_has(engine: RunningEngine, origin: str, mirror: str, log: Path) -> None:
    with told(origin, f'[host."http://{mirror}"]'):
        done = engine.docker("pull", f"{origin}/good-dies:1")
        assert done.returncode == 0, done.stderr
    assert "/v2/good-dies/manifests/1" in requests(log)


@ANY_POINT
def test_a_mirror_with_a_wrong_layer_is_left_for_the_registry(
    engine: RunningEngine, origin: str, mirror: str, log: Path
) -> None:
    with told(origin, f'[host."http://{mirror}"]'):
        done = engine.docker("pull", f"{origin}/wrong:1")
        assert done.returncode == 0, done.stderr
    assert any("/v2/wrong/blobs/" in path for path in requests(log))
    assert not is_the_mirrors(engine, f"{origin}/wrong:1")


@HOSTS
def test_a_mirror_that_may_not_resolve_is_asked_for_digests(
    engine: RunningEngine, origin: str, mirror: str, log: Path
) -> None:
    with told(origin, f'[host."http://{mirror}"]\ncapabilities = ["pull"]'):
        assert engine.docker("pull", f"{origin}/good:1").returncode == 0
        assert requests(log) == []
        digests = engine.docker("inspect", "-f", "{{index .RepoDigests 0}}", f"{origin}/good:1").stdout.strip()
        forget(engine, origin)
        assert engine.docker("pull", digests).returncode == 0
        assert any("/manifests/sha256:" in path for path in requests(log))
        engine.docker("rmi", digests)


@HOSTS
def test_a_mistake_in_hosts_toml_is_told(engine: RunningEngine, origin: str) -> None:
    with told(origin, "mirrors = 1"):
        said = engine.docker("pull", f"{origin}/good:1").stderr
    assert f'invalid /etc/docker/certs.d/{origin}/hosts.toml: unknown key "mirrors"' in said


@pytest.mark.min_api("1.42")
def test_a_proxy(engine: RunningEngine, restarted: Restarted, mirror: str, log: Path) -> None:
    subprocess.run(["ip", "-n", engine.namespace, "addr", "replace", f"{FAR}/32", "dev", "lo"], check=True)
    flags = ("--insecure-registry", f"{FAR}/32", "--http-proxy", f"http://{mirror}")
    restarted(*flags)
    done = engine.docker("pull", f"{FAR}/good:1")
    assert done.returncode == 0, done.stderr
    assert f"http://{FAR}/v2/good/manifests/1" in requests(log)
    engine.docker("rmi", f"{FAR}/good:1")
    restarted(*flags, "--no-proxy", "10.99.0.0/16")
    assert f"dial tcp {FAR}:80: connect: connection refused" in engine.docker("pull", f"{FAR}/good:1").stderr


def test_a_redirect_carries_no_secrets(engine: RunningEngine, log: Path, tmp_path: Path) -> None:
    """The blobs of `elsewhere` are behind another host of this stub: `localhost`, where it was 127.0.0.1."""
    with faulty_registry(engine.namespace, log, PORT, "basic") as address:
        auth = {"auths": {address: {"auth": "YW5uOnB3"}}, "HttpHeaders": {"X-Meta-Team": "blue"}}
        (tmp_path / "config.json").write_text(json.dumps(auth))
        done = engine.docker("--config", str(tmp_path), "pull", f"{address}/elsewhere:1")
        assert done.returncode == 0, done.stderr
        forget(engine, address)
    assert all("Authorization" in headers for headers in headers_of(log, "/v2/elsewhere/"))
    stored = headers_of(log, "/store/")
    assert stored
    assert not any("Authorization" in headers for headers in stored)
    if engine.is_seaway:  # Go's client takes such headers along
        assert not any("X-Meta-Team" in headers for headers in stored)
