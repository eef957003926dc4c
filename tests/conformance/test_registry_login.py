"""Registries that want to know who asks: names and passwords, and client certificates."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.certificates import Authority
from conformance.conftest import RunningEngine
from conformance.registries import docker_registry

PORT = 5003
HOST, TLS_PORT = "10.99.99.1", 5004
"""A loopback address would be insecure without asking."""
HTPASSWD = "ann:$2y$05$abcdefghijklmnopqrstuuHIrMEWpUCQe2YqFR3sXwQ75u4od..9q\n"
"""Her password is `pw`."""


@pytest.fixture
def registry(engine: RunningEngine, tmp_path: Path) -> Iterator[str]:
    (tmp_path / "htpasswd").write_text(HTPASSWD)
    auth = {"htpasswd": {"realm": "tests", "path": str(tmp_path / "htpasswd")}}
    with docker_registry(engine.namespace, tmp_path / "registry", PORT, auth=auth) as address:
        engine.docker("tag", "busybox", f"{address}/b:1")
        yield address
        engine.docker("rmi", f"{address}/b:1")


def docker(engine: RunningEngine, config: Path, *arguments: str, input: str = "") -> "subprocess.CompletedProcess[str]":
    command = ["docker", "--config", str(config), "-H", engine.host, *arguments]
    return subprocess.run(command, input=input, capture_output=True, text=True, timeout=60, check=False)


def test_nobody_is_refused(engine: RunningEngine, registry: str, tmp_path: Path) -> None:
    pulled = docker(engine, tmp_path, "pull", f"{registry}/b:1")
    assert f'Head "http://{registry}/v2/b/manifests/1": no basic auth credentials' in pulled.stderr
    pushed = docker(engine, tmp_path, "push", f"{registry}/b:1")
    assert pushed.stderr.strip() == "no basic auth credentials"


def test_a_wrong_password_is_refused(engine: RunningEngine, registry: str, tmp_path: Path) -> None:
    done = docker(engine, tmp_path, "login", "-u", "ann", "--password-stdin", registry, input="wrong")
    assert f"login attempt to http://{registry}/v2/ failed with status: 401 Unauthorized" in done.stderr


def test_who_logged_in_pushes_and_pulls(engine: RunningEngine, registry: str, tmp_path: Path) -> None:
    assert docker(engine, tmp_path, "login", "-u", "ann", "--password-stdin", registry, input="pw").returncode == 0
    assert docker(engine, tmp_path, "push", f"{registry}/b:1").returncode == 0
    engine.docker("rmi", f"{registry}/b:1")
    assert docker(engine, tmp_path, "pull", f"{registry}/b:1").returncode == 0


@pytest.fixture
def secured(engine: RunningEngine, tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A registry that wants a client certificate, and the folder where the engine looks for one."""
    authority = Authority(tmp_path / "certs", HOST)
    for name in ("server", "client"):
        authority.issue(name)
    folder = authority.folder
    subprocess.run(["ip", "-n", engine.namespace, "addr", "replace", f"{HOST}/32", "dev", "lo"], check=True)
    address = f"{HOST}:{TLS_PORT}"
    tls = {"certificate": f"{folder}/server.cert", "key": f"{folder}/server.key", "clientcas": [f"{folder}/ca.cert"]}
    trusted = Path(f"/etc/docker/certs.d/{address}")
    made = [parent for parent in (trusted, *trusted.parents) if not parent.exists()]
    shutil.rmtree(trusted, ignore_errors=True)  # of a run that was killed
    trusted.mkdir(parents=True)
    try:
        http = {"addr": f"0.0.0.0:{TLS_PORT}", "tls": tls}
        with docker_registry(engine.namespace, tmp_path / "secured", TLS_PORT, http=http):
            engine.docker("tag", "busybox", f"{address}/b:1")
            for name in ("client.cert", "client.key"):
                shutil.copy(folder / name, trusted / name)
            shutil.copy(folder / "ca.cert", trusted / "ca.crt")
            yield address, trusted
            engine.docker("rmi", f"{address}/b:1")
    finally:
        shutil.rmtree(trusted)
        for parent in made[1:]:
            parent.rmdir()


def test_a_client_certificate(engine: RunningEngine, secured: tuple[str, Path]) -> None:
    address, trusted = secured
    done = engine.docker("push", f"{address}/b:1")
    assert done.returncode == 0, done.stderr
    engine.docker("rmi", f"{address}/b:1")
    assert engine.docker("pull", f"{address}/b:1").returncode == 0
    (trusted / "ca.crt").rename(trusted / "ca.other")
    assert "certificate signed by unknown authority" in engine.docker("pull", f"{address}/b:1").stderr
    (trusted / "ca.other").rename(trusted / "ca.crt")
    (trusted / "client.key").unlink()
    missing = engine.docker("pull", f"{address}/b:1").stderr
    assert "missing key client.key for client certificate client.cert" in missing
    (trusted / "client.cert").unlink()
    assert engine.docker("pull", f"{address}/b:1").returncode == 1


def test_the_manifest_of_a_secured_registry(engine: RunningEngine, secured: tuple[str, Path]) -> None:
    address, _ = secured
    engine.docker("push", f"{address}/b:1")
    url = f"http://d/distribution/{address}/b:1/json"
    command = ["curl", "-s", "--unix-socket", engine.host.removeprefix("unix://"), url]
    found = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert found["Descriptor"]["digest"] in engine.docker("inspect", "-f", "{{.RepoDigests}}", f"{address}/b:1").stdout


@pytest.mark.seaway_only("any registry may have mirrors, by hosts.toml")
def test_a_mirror_has_the_certificates_that_hosts_toml_names(
    engine: RunningEngine, secured: tuple[str, Path], tmp_path: Path
) -> None:
    address, trusted = secured
    assert engine.docker("push", f"{address}/b:1").returncode == 0
    for file in trusted.iterdir():
        file.unlink()
    assert engine.docker("pull", f"{address}/b:1").returncode == 1
    certs, absent = tmp_path / "certs", "127.0.0.1:9"
    pair = f'[["{certs}/client.cert", "{certs}/client.key"]]'
    folder = trusted.parent / absent
    folder.mkdir()
    try:
        text = f'[host."https://{address}"]\nca = "{certs}/ca.cert"\nclient = {pair}\n'
        (folder / "hosts.toml").write_text(text)
        done = engine.docker("pull", f"{absent}/b:1")
        assert done.returncode == 0, done.stderr
        assert engine.docker("rmi", f"{absent}/b:1").returncode == 0
        (folder / "hosts.toml").write_text(text.replace("client.key", "absent.key"))
        assert f"certificates of the mirror https://{address}" in engine.docker("pull", f"{absent}/b:1").stderr
    finally:
        shutil.rmtree(folder)
