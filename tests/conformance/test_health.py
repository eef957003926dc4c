"""Health checks: their commands, what they make of the container's health, their events, and an engine's restart."""

import json
import time
from typing import Any

import pytest

from conformance.conftest import RunningEngine

OFTEN = ("--health-interval", "200ms", "--health-retries", "2", "--health-timeout", "2s")


def health(engine: RunningEngine, name: str) -> dict[str, Any]:
    return dict(json.loads(engine.docker("inspect", "-f", "{{json .State.Health}}", name).stdout) or {})


def wait_until_it_is(engine: RunningEngine, name: str, status: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while (found := health(engine, name)).get("Status") != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def run(engine: RunningEngine, name: str, *options: str) -> None:
    done = engine.docker("run", "-d", "--name", name, *options, "busybox", "sleep", "1000")
    assert done.returncode == 0, done.stderr


def test_the_status_follows_the_probes(engine: RunningEngine) -> None:
    since = str(time.time())
    run(engine, "sick", "--health-cmd", "echo said; test -f /tmp/ok", *OFTEN)
    found = wait_until_it_is(engine, "sick", "unhealthy")
    assert found["FailingStreak"] >= 2
    assert (found["Log"][-1]["ExitCode"], found["Log"][-1]["Output"]) == (1, "said\n")
    assert "(unhealthy)" in engine.docker("ps", "--filter", "health=unhealthy").stdout
    engine.docker("exec", "sick", "sh", "-c", "> /tmp/ok")
    assert wait_until_it_is(engine, "sick", "healthy")["FailingStreak"] == 0
    deadline = time.monotonic() + 20
    while len(health(engine, "sick")["Log"]) < 5:
        assert time.monotonic() < deadline
    assert "(healthy)" in engine.docker("ps", "--filter", "name=sick").stdout
    events = engine.docker(
        "events", "--since", since, "--until", str(time.time()), "--filter", "container=sick", "--format", "{{.Action}}"
    )
    assert [e for e in events.stdout.splitlines() if e.startswith("health")] == [
        "health_status: unhealthy",
        "health_status: healthy",
    ]
    engine.docker("stop", "-t", "0", "sick")
    assert health(engine, "sick")["Status"] == "unhealthy"


def test_a_paused_container_is_unhealthy_until_it_is_probed_again(engine: RunningEngine) -> None:
    run(engine, "frozen", "--health-cmd", "true", *OFTEN)
    wait_until_it_is(engine, "frozen", "healthy")
    engine.docker("pause", "frozen")
    paused = health(engine, "frozen")
    assert paused["Status"] == "unhealthy"
    assert "frozen" in engine.docker("ps", "--filter", "health=unhealthy").stdout
    time.sleep(1)
    assert health(engine, "frozen") == paused
    engine.docker("unpause", "frozen")
    wait_until_it_is(engine, "frozen", "healthy")


def test_a_probe_that_takes_too_long_is_given_up(engine: RunningEngine) -> None:
    run(
        engine,
        "slow",
        "--health-cmd",
        "echo wait; sleep 100",
        "--health-interval",
        "200ms",
        "--health-timeout",
        "300ms",
        "--health-retries",
        "1",
    )
    last = wait_until_it_is(engine, "slow", "unhealthy")["Log"][-1]
    assert last["ExitCode"] == -1
    assert last["Output"].startswith("Health check exceeded timeout (300ms)")


def test_failures_in_the_start_period_do_not_count(engine: RunningEngine) -> None:
    run(engine, "late", "--health-cmd", "false", *OFTEN, "--health-start-period", "100s")
    deadline = time.monotonic() + 20
    while len(health(engine, "late")["Log"]) < 3 and engine.api_version < (1, 44):
        assert time.monotonic() < deadline
    assert (health(engine, "late")["Status"], health(engine, "late")["FailingStreak"]) == ("starting", 0)
    assert "(health: starting)" in engine.docker("ps", "--filter", "health=starting").stdout


def test_none_is_no_check(engine: RunningEngine) -> None:
    run(engine, "unchecked", "--no-healthcheck")
    assert health(engine, "unchecked") == {}
    assert "unchecked" in engine.docker("ps", "--filter", "health=none", "--format", "{{.Names}}").stdout


def test_a_command_that_is_not_there_fails(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "wrong", "--health-cmd", "true", *OFTEN, "busybox", "sleep", "1000")
    with engine.client() as client:
        box = client.api.create_container(
            "busybox", ["sleep", "1000"], healthcheck={"test": ["CMD", "nosuch"], "interval": 200_000_000, "retries": 1}
        )
        client.api.start(box)
    found = wait_until_it_is(engine, box["Id"], "unhealthy")
    assert found["Log"][-1]["ExitCode"] != 0
    assert "nosuch" in found["Log"][-1]["Output"]


@pytest.mark.seaway_only("a killed engine's containers are adopted, and so is their health")
def test_a_new_engine_goes_on_probing(engine: RunningEngine) -> None:
    run(engine, "kept", "--health-cmd", "test ! -f /tmp/broken", *OFTEN)
    wait_until_it_is(engine, "kept", "healthy")
    engine.kill()
    engine.start()
    assert health(engine, "kept")["Status"] == "healthy"
    engine.docker("exec", "kept", "sh", "-c", "> /tmp/broken")
    wait_until_it_is(engine, "kept", "unhealthy")
