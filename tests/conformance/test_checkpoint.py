"""`docker checkpoint`: with CRIU where it works, refused clearly where it does not."""

import shutil
import subprocess
import time

import pytest

from conformance.conftest import Restarted, RunningEngine

COUNTER = "n=0; while sleep 0.1; do n=$((n+1)); echo $n > /n; done"


@pytest.fixture
def experimental(restarted: Restarted) -> RunningEngine:
    return restarted("--experimental")


def criu_refuses() -> str:
    if not shutil.which("criu"):
        return "needs criu"
    done = subprocess.run(["criu", "check"], capture_output=True, text=True, timeout=60)
    return "" if done.returncode == 0 else f"CRIU cannot work here: {done.stderr.strip().splitlines()[-1]}"


def run(engine: RunningEngine, name: str) -> None:
    flags = ("--runtime", "runc", "--network", "none", "--security-opt", "seccomp=unconfined", "--stop-signal", "KILL")
    done = engine.docker("run", "-d", "--name", name, *flags, "busybox", "sh", "-c", COUNTER)
    assert done.returncode == 0, done.stderr


def count(engine: RunningEngine, name: str) -> int:
    while not (said := engine.docker("exec", name, "cat", "/n").stdout.strip()):
        time.sleep(0.05)
    return int(said)


def test_without_experimental_mode_there_are_none(engine: RunningEngine) -> None:
    refused = engine.docker("checkpoint", "ls", "x")
    assert "experimental" in refused.stderr
    engine.docker("create", "--name", "box", "busybox", "true")
    assert "only supported" in engine.docker("start", "--checkpoint", "a1", "box").stderr


def test_what_cannot_be(experimental: RunningEngine) -> None:
    docker = experimental.docker
    docker("create", "--name", "idle", "busybox", "true")
    run(experimental, "box")
    assert "Container idle not running" in docker("checkpoint", "create", "idle", "a1").stderr
    said = docker("checkpoint", "create", "box", "a b").stderr
    assert "Invalid checkpoint ID (a b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed" in said
    assert "checkpoint zz does not exist for container box" in docker("checkpoint", "rm", "box", "zz").stderr
    assert "checkpoint zz does not exist for container /idle" in docker("start", "--checkpoint", "zz", "idle").stderr
    assert "No such container: nosuch" in docker("checkpoint", "ls", "nosuch").stderr
    assert docker("checkpoint", "ls", "box").stdout.split() == ["CHECKPOINT", "NAME"]


def test_a_failure_leaves_the_container_running_and_nothing_else(experimental: RunningEngine) -> None:
    if not criu_refuses():
        pytest.skip("CRIU works here")
    run(experimental, "box")
    refused = experimental.docker("checkpoint", "create", "box", "first")
    assert "Cannot checkpoint container box: " in refused.stderr
    assert experimental.docker("checkpoint", "ls", "box").stdout.split() == ["CHECKPOINT", "NAME"]
    before = count(experimental, "box")
    while count(experimental, "box") == before:
        pass


@pytest.mark.seaway_only("dockerd names no runtime that could")
def test_a_runtime_without_criu_says_so(experimental: RunningEngine) -> None:
    experimental.docker(
        "run", "-d", "--name", "box", "--runtime", "crun", "--stop-signal", "KILL", "busybox", "sleep", "60"
    )
    refused = experimental.docker("checkpoint", "create", "box", "first")
    if refused.returncode == 0:
        pytest.skip("this crun was built with CRIU")
    assert "Cannot checkpoint container box: the runtime crun was built without CRIU" in refused.stderr


def why(engine: RunningEngine) -> str:
    """The end of CRIU's own logs."""
    logs = engine.data_root.glob("containers/*/checkpoints/*/*.log")
    return "".join("\n".join(log.read_text().splitlines()[-30:]) for log in logs)


def test_a_process_goes_on_where_it_was(experimental: RunningEngine) -> None:
    if reason := criu_refuses():
        pytest.skip(reason)
    docker = experimental.docker
    run(experimental, "box")
    before = count(experimental, "box")
    made = docker("checkpoint", "create", "box", "first", timeout=120)
    assert made.returncode == 0, made.stderr + why(experimental)
    docker("wait", "box")
    assert docker("checkpoint", "ls", "box").stdout.split()[2:] == ["first"]
    started = docker("start", "--checkpoint", "first", "box", timeout=120)
    assert started.returncode == 0, started.stderr
    after = count(experimental, "box")
    assert after >= before
    while count(experimental, "box") == after:
        pass
    assert docker("checkpoint", "create", "--leave-running", "box", "second", timeout=120).returncode == 0
    assert docker("inspect", "-f", "{{.State.Running}}", "box").stdout == "true\n"
    assert docker("checkpoint", "rm", "box", "first").returncode == 0
    assert docker("checkpoint", "ls", "box").stdout.split()[2:] == ["second"]
