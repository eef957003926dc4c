"""`--authorization-plugin`: plugins that are asked about every request and its reply."""

import base64
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine, started_engine
from suites.authorization_plugin import AuthorizationPlugin


@pytest.fixture
def guard() -> Iterator[AuthorizationPlugin]:
    made = AuthorizationPlugin(Path("/run/docker/plugins") / f"seawayguard{os.getpid()}.sock")
    yield made
    made.close()
    made.socket_path.unlink()


@pytest.fixture
def guarded(guard: AuthorizationPlugin, pytestconfig: pytest.Config, tmp_path: Path) -> Iterator[RunningEngine]:
    name = guard.socket_path.stem
    with started_engine(pytestconfig, tmp_path, "--bridge", "none", "--authorization-plugin", name) as engine:
        yield engine
        guard.denied = guard.failing = ""


def test_it_sees_a_request_and_its_reply(guarded: RunningEngine, guard: AuthorizationPlugin) -> None:
    assert guarded.docker("volume", "create", "--label", "a=b", "mine").returncode == 0
    request, reply = guard.asked("AuthZReq", "/volumes/create"), guard.asked("AuthZRes", "/volumes/create")
    assert json.loads(base64.b64decode(request["RequestBody"]))["Labels"] == {"a": "b"}
    assert request["RequestHeaders"]["Content-Type"] == "application/json"
    assert request.get("User", "") == ""
    assert reply["ResponseStatusCode"] == 201
    assert json.loads(base64.b64decode(reply["ResponseBody"]))["Name"] == "mine"
    assert guard.socket_path.stem in guarded.docker("info", "-f", "{{.Plugins.Authorization}}").stdout


def test_it_denies_a_request_before_anything_happens(guarded: RunningEngine, guard: AuthorizationPlugin) -> None:
    guard.denied = "AuthZReq POST /v"
    denied = guarded.docker("volume", "create", "mine")
    assert denied.returncode == 1
    assert f"authorization denied by plugin {guard.socket_path.stem}: not today" in denied.stderr
    assert guarded.docker("volume", "ls", "-q").stdout == ""


def test_it_denies_a_reply(guarded: RunningEngine, guard: AuthorizationPlugin) -> None:
    guard.denied = "AuthZRes GET"
    denied = guarded.docker("volume", "ls")
    assert f"authorization denied by plugin {guard.socket_path.stem}: not today" in denied.stderr


def test_one_that_fails_or_is_gone_lets_nothing_through(guarded: RunningEngine, guard: AuthorizationPlugin) -> None:
    name = guard.socket_path.stem
    guard.failing = "AuthZReq POST /v"
    failed = guarded.docker("volume", "create", "mine")
    if guarded.is_seaway:
        assert f"plugin {name} failed with error: out of order" in failed.stderr
    else:  # dockerd takes an answer without Allow for a denial, whatever it says
        assert f"authorization denied by plugin {name}: " in failed.stderr
    assert guarded.docker("volume", "ls", "-q").stdout == ""


def test_secrets_are_kept_from_it(guarded: RunningEngine, guard: AuthorizationPlugin) -> None:
    guarded.docker("pull", "127.0.0.1:1/x")
    headers = guard.asked("AuthZReq", "/images/create")["RequestHeaders"]
    assert "X-Registry-Auth" not in headers


def test_a_reload_takes_it_away_and_brings_it_back(
    guard: AuthorizationPlugin, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    file = tmp_path / "daemon.json"
    file.write_text("{}")
    with started_engine(pytestconfig, tmp_path, "--bridge", "none", "--config-file", str(file)) as engine:
        assert engine.process
        file.write_text(json.dumps({"authorization-plugins": [guard.socket_path.stem], "labels": ["now=1"]}))
        engine.process.send_signal(signal.SIGHUP)
        while "now=1" not in engine.docker("info", "-f", "{{.Labels}}").stdout:
            pass
        assert engine.docker("version").returncode == 0
        assert guard.asked("AuthZReq", "/version")


def test_one_that_is_not_there(engine: RunningEngine) -> None:
    said = engine.refusal("--authorization-plugin", "no-such-plugin")
    assert 'failed to validate authorization plugin: plugin "no-such-plugin" not found' in said
