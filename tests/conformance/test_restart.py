"""Restart policies: who starts again, after how long, and what puts an end to it."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import RunningEngine
from conformance.engines import ENDS_AT_ONCE

FAILS = ("busybox", "sh", "-c", "exit 3")


def inspected(engine: RunningEngine, name: str) -> dict[str, Any]:
    return dict(json.loads(engine.docker("inspect", name).stdout)[0])


def run(engine: RunningEngine, name: str, policy: str, *command: str) -> None:
    done = engine.docker("run", "-d", *ENDS_AT_ONCE, "--name", name, "--restart", policy, *command)
    assert done.returncode == 0, done.stderr


def wait_for(engine: RunningEngine, name: str, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    deadline = time.monotonic() + 40
    while not condition(found := inspected(engine, name)):
        assert time.monotonic() < deadline, (found["State"], found["RestartCount"])
        time.sleep(0.05)
    return found


def is_running(found: dict[str, Any]) -> bool:
    return found["State"]["Status"] == "running"


def is_restarting(found: dict[str, Any]) -> bool:
    return found["State"]["Status"] == "restarting"


def test_always_starts_again_after_pauses_that_double(engine: RunningEngine) -> None:
    since = str(time.time())
    run(engine, "always", "always", *FAILS)
    wait_for(engine, "always", lambda found: found["RestartCount"] >= 4)
    engine.docker("stop", "always")
    command = ["events", "--since", since, "--until", str(time.time()), "--filter", "container=always"]
    events = [json.loads(line) for line in engine.docker(*command, "--format", "{{json .}}").stdout.splitlines()]
    times = {verb: [e["timeNano"] for e in events if e["Action"] == verb] for verb in ("die", "start")}
    pauses = [(start - die) / 1e9 for die, start in zip(times["die"], times["start"][1:], strict=False)]
    assert all(pause > 0.09 * 2**n for n, pause in enumerate(pauses[:4])), pauses


def test_a_stop_ends_what_waits_for_its_next_start(engine: RunningEngine) -> None:
    run(engine, "stopped", "always", *FAILS)
    wait_for(engine, "stopped", lambda found: found["RestartCount"] >= 3 and is_restarting(found))
    assert engine.docker("stop", "stopped").returncode == 0
    found = inspected(engine, "stopped")
    assert (found["State"]["Status"], found["State"]["ExitCode"], found["State"]["Restarting"]) == ("exited", 3, False)
    assert engine.docker("wait", "stopped").stdout == "3\n"
    engine.docker("start", "stopped")
    assert inspected(engine, "stopped")["RestartCount"] <= 1
    assert engine.docker("rm", "-f", "stopped").returncode == 0


def test_a_removal_by_force_while_it_waits(engine: RunningEngine) -> None:
    run(engine, "waits", "always", *FAILS)
    wait_for(engine, "waits", lambda found: found["RestartCount"] >= 3 and is_restarting(found))
    assert engine.docker("rm", "-f", "waits").returncode == 0
    assert engine.docker("inspect", "waits").returncode == 1


def test_on_failure_stops_at_its_count_and_begins_anew_with_a_start(engine: RunningEngine) -> None:
    run(engine, "thrice", "on-failure:3", *FAILS)
    found = wait_for(engine, "thrice", lambda found: found["State"]["Status"] == "exited")
    assert (found["RestartCount"], found["State"]["ExitCode"]) == (3, 3)
    engine.docker("start", "thrice")
    assert inspected(engine, "thrice")["RestartCount"] < 3
    wait_for(engine, "thrice", lambda found: found["State"]["Status"] == "exited" and found["RestartCount"] == 3)


def test_success_is_no_failure(engine: RunningEngine) -> None:
    run(engine, "fine", "on-failure", "busybox", "true")
    assert engine.docker("wait", "fine").stdout == "0\n"
    found = inspected(engine, "fine")
    assert (found["State"]["Status"], found["RestartCount"]) == ("exited", 0)


def test_a_kill_is_a_stop_and_a_signal_is_none(engine: RunningEngine) -> None:
    run(engine, "killed", "always", "busybox", "sleep", "1000")
    engine.docker("kill", "killed")
    assert inspected(engine, "killed")["State"]["Status"] == "exited"
    command = ("busybox", "sh", "-c", "trap 'exit 4' HUP; echo up; while :; do sleep 0.05; done")
    done = engine.docker("run", "-d", "--name", "hup", "--restart", "always", "--stop-signal", "TERM", *command)
    assert done.returncode == 0
    wait_for(engine, "hup", lambda found: engine.docker("logs", "hup").stdout == "up\n")
    engine.docker("kill", "-s", "HUP", "hup")
    wait_for(engine, "hup", lambda found: found["RestartCount"] >= 1 and is_running(found))


def test_an_update_of_the_policy_counts_at_the_next_end(engine: RunningEngine) -> None:
    run(engine, "updated", "always", "busybox", "sh", "-c", "sleep 0.2; exit 3")
    engine.docker("update", "--restart", "no", "updated")
    wait_for(engine, "updated", lambda found: found["State"]["Status"] == "exited")


def restart_killed(engine: RunningEngine) -> None:
    engine.kill()
    engine.start()


def restart_gracefully(engine: RunningEngine) -> None:
    assert engine.stop() == 0
    engine.start()


@pytest.mark.parametrize("again", [restart_killed, restart_gracefully])
@pytest.mark.seaway_only("a killed engine's containers are adopted")
def test_what_a_new_engine_starts(engine: RunningEngine, again: Callable[[RunningEngine], None]) -> None:
    sleeps = ("busybox", "sleep", "1000")
    for name, policy in (("a1", "always"), ("a2", "always"), ("u1", "unless-stopped"), ("u2", "unless-stopped")):
        run(engine, name, policy, *sleeps)
    run(engine, "n1", "no", *sleeps)
    run(engine, "r1", "always", *FAILS)
    wait_for(engine, "r1", lambda found: found["RestartCount"] >= 2)
    engine.docker("stop", "-t", "0", "a2", "u2")
    again(engine)
    for name in ("a1", "a2", "u1"):
        wait_for(engine, name, is_running)
    assert inspected(engine, "u2")["State"]["Status"] == "exited"
    assert is_running(inspected(engine, "n1")) == (again is restart_killed)
    wait_for(engine, "r1", lambda found: found["RestartCount"] >= 1)
    engine.docker("rm", "-f", "a1", "a2", "u1", "u2", "n1", "r1")


def test_those_that_are_linked_to_start_first(engine: RunningEngine) -> None:
    names = ["cache", "db", *(f"web{n}" for n in range(4))]
    run(engine, "cache", "always", "busybox", "sleep", "1000")
    run(engine, "db", "always", "--link", "cache", "busybox", "sleep", "1000")
    for name in names[2:]:
        run(engine, name, "always", "--link", "db:database", "busybox", "sleep", "1000")
    restart_gracefully(engine)
    for name in names:
        wait_for(engine, name, is_running)
    address = inspected(engine, "db")["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]
    assert f"{address}\tdatabase" in engine.docker("exec", "web3", "cat", "/etc/hosts").stdout
    engine.docker("rm", "-f", *names)


@pytest.mark.parametrize("runtime", ["crun", "runc"])
@pytest.mark.seaway_only("dockerd leaves a runtime's state to containerd")
def test_a_graceful_end_leaves_no_cgroup_and_no_state(engine: RunningEngine, runtime: str) -> None:
    name = f"ends-{runtime}"
    # The engine ends in the midst of what the exit begins.
    done = engine.docker("run", "-d", "--name", name, "--runtime", runtime, *ENDS_AT_ONCE, "busybox", "sleep", "1000")
    container_id = done.stdout.strip()
    assert remains_of(container_id, engine)
    assert engine.stop() == 0
    try:
        assert remains_of(container_id, engine) == []
    finally:
        engine.start()
    assert engine.docker("rm", "-f", name).returncode == 0


def remains_of(container_id: str, engine: RunningEngine) -> list[Path]:
    groups = [path for path in Path("/sys/fs/cgroup").glob("**/*") if container_id in path.name and path.is_dir()]
    return [*groups, *engine.root.glob(f"**/runtime/*/{container_id}")]
