"""docker-registry behind a token server: Bearer tokens with scopes, identity tokens, tokens that ran out."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.certificates import Authority
from conformance.conftest import RunningEngine
from conformance.registries import docker_registry, listening

PORT, TOKEN_PORT = 5009, 5010
SERVER = Path(__file__).parent.parent / "suites/token_server.py"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "tokens"


@pytest.fixture
def registry(engine: RunningEngine, tmp_path: Path, log: Path) -> Iterator[str]:
    authority = Authority(tmp_path / "certs", "127.0.0.1")
    pem = tmp_path / "token.pem"
    pem.write_bytes((authority.folder / "ca.key").read_bytes() + (authority.folder / "ca.cert").read_bytes())
    token = {
        "realm": f"http://127.0.0.1:{TOKEN_PORT}/token",
        "service": "registry.tests",
        "issuer": "tests",
        "rootcertbundle": str(authority.folder / "ca.cert"),
    }
    command = [sys.executable, str(SERVER), str(TOKEN_PORT), str(pem), str(log)]
    with (
        listening(engine.namespace, command, TOKEN_PORT),
        docker_registry(engine.namespace, tmp_path / "registry", PORT, auth={"token": token}) as address,
    ):
        yield address
        names = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
        if mine := [name for name in names if name.startswith(address)]:
            engine.docker("rmi", *mine)


@pytest.fixture
def config(tmp_path: Path) -> str:
    return str(tmp_path / "config")


def log_in(
    engine: RunningEngine, config: str, registry: str, password: str = "pw"
) -> "subprocess.CompletedProcess[str]":
    command = ["--config", config, "login", "-u", "ann", "--password-stdin", registry]
    return engine.docker(*command, input=password)


def push(engine: RunningEngine, config: str, name: str) -> "subprocess.CompletedProcess[str]":
    engine.docker("tag", "busybox", name)
    return engine.docker("--config", config, "push", name)


def requests(log: Path) -> list[tuple[str, dict[str, Any], str]]:
    return [(method, parameters, who) for method, parameters, who in map(json.loads, log.read_text().splitlines())]


def scopes(log: Path) -> set[str]:
    return {
        scope for _, parameters, _ in requests(log) for text in parameters.get("scope", []) for scope in text.split()
    }


def test_a_log_in_earns_an_identity_token(engine: RunningEngine, registry: str, config: str, log: Path) -> None:
    done = log_in(engine, config, registry)
    assert done.returncode == 0, done.stderr
    saved = json.loads((Path(config) / "config.json").read_text())["auths"][registry]
    assert saved["identitytoken"] == "ann's refresh token"
    [(method, asked, who)] = requests(log)
    assert (method, who, asked["offline_token"], asked["service"]) == ("GET", "ann", ["true"], ["registry.tests"])

    assert push(engine, config, f"{registry}/team/b:1").returncode == 0
    posts = [asked for method, asked, _ in requests(log) if method == "POST"]
    assert posts
    assert all(asked["grant_type"] == ["refresh_token"] for asked in posts)
    assert "repository:team/b:push,pull" in scopes(log) | {s.replace("pull,push", "push,pull") for s in scopes(log)}
    engine.docker("rmi", f"{registry}/team/b:1")
    assert engine.docker("--config", config, "pull", f"{registry}/team/b:1").returncode == 0


def test_a_mount_asks_for_both_repositories(engine: RunningEngine, registry: str, config: str, log: Path) -> None:
    log_in(engine, config, registry)
    push(engine, config, f"{registry}/team/one:1")
    done = push(engine, config, f"{registry}/team/two:1")
    assert "Mounted from team/one" in done.stdout, done.stdout + done.stderr
    assert "repository:team/one:pull" in scopes(log)


def test_a_wrong_password(engine: RunningEngine, registry: str, config: str) -> None:
    done = log_in(engine, config, registry, "wrong")
    assert f'Get "http://{registry}/v2/": unauthorized: incorrect username or password' in done.stderr


def test_nobody_may_pull_what_is_public_only(engine: RunningEngine, registry: str, config: str, tmp_path: Path) -> None:
    log_in(engine, config, registry)
    nobody = str(tmp_path / "nobody")
    for name in ("public/b", "private/b"):
        assert push(engine, config, f"{registry}/{name}:1").returncode == 0
        engine.docker("rmi", f"{registry}/{name}:1")
    assert engine.docker("--config", nobody, "pull", f"{registry}/public/b:1").returncode == 0
    refused = engine.docker("--config", nobody, "pull", f"{registry}/private/b:1").stderr
    assert f"pull access denied for {registry}/private/b, repository does not exist or may require" in refused
    assert "denied: requested access to the resource is denied" in refused
    assert "denied: requested access to the resource is denied" in push(engine, nobody, f"{registry}/public/b:1").stderr


@pytest.mark.seaway_only("a token that the registry refuses is asked for once more, whatever it said of its life")
def test_a_token_that_ran_out_is_asked_for_again(engine: RunningEngine, registry: str, config: str, log: Path) -> None:
    log_in(engine, config, registry)
    done = push(engine, config, f"{registry}/stale/b:1")
    assert done.returncode == 0, done.stderr
    engine.docker("rmi", f"{registry}/stale/b:1")
    assert engine.docker("--config", config, "pull", f"{registry}/stale/b:1").returncode == 0
    asked = [
        parameters for _, parameters, _ in requests(log) if "repository:stale/b:pull" in parameters.get("scope", [])
    ]
    assert len(asked) == 2
