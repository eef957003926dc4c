"""Killed for memory: told at that moment, and known afterwards."""

import json
import subprocess

import pytest

from conformance.engines import RunningEngine
from conformance.options import call

LIMITS = ("--memory", "16m", "--memory-swap", "16m")


def oom_events(engine: RunningEngine, name: str) -> str:
    options = ("--since", "0", "--until", "-1s", "--filter", f"container={name}", "-f", "event=oom")
    return engine.docker("events", *options).stdout


def test_told_while_the_container_runs_on(engine: RunningEngine) -> None:
    """The first of two; the end of the run tells nothing a third time."""
    command = "read a; tail /dev/zero; read b; tail /dev/zero; read c; exit 5"
    run = ["docker", "-H", engine.host, "run", "-i", "--name", "parent", *LIMITS, "busybox", "sh", "-c", command]
    watch = ["docker", "-H", engine.host, "events", "--filter", "event=oom", "--format", "{{json .}}"]
    with (
        subprocess.Popen(watch, stdout=subprocess.PIPE, text=True) as events,
        subprocess.Popen(run, stdin=subprocess.PIPE, text=True) as container,
    ):
        assert events.stdout
        assert container.stdin
        for _ in range(2):
            container.stdin.write("go\n")
            container.stdin.flush()
            told = json.loads(events.stdout.readline())
            assert (told["Action"], told["Actor"]["Attributes"]["name"]) == ("oom", "parent")
        assert call(engine, "GET", "/containers/parent/json")[1]["State"]["Running"] is True
        container.stdin.write("end\n")
        container.stdin.close()
        assert container.wait(30) == 5
        events.terminate()
    state = call(engine, "GET", "/containers/parent/json")[1]["State"]
    assert (state["OOMKilled"], state["ExitCode"]) == (True, 5)
    assert oom_events(engine, "parent").count("container oom") == 2


@pytest.mark.parametrize("command", [("tail", "/dev/zero"), ("sh", "-c", "tail /dev/zero; exit 5")])
def test_killed_at_the_end(engine: RunningEngine, command: tuple[str, ...]) -> None:
    for number in range(5):
        done = engine.docker("run", "--name", f"eater{number}", *LIMITS, "busybox", *command)
        state = call(engine, "GET", f"/containers/eater{number}/json")[1]["State"]
        assert (done.returncode, state["OOMKilled"]) == (137 if command[0] == "tail" else 5, True)
        assert "container oom" in oom_events(engine, f"eater{number}")


def test_a_new_run_forgets(engine: RunningEngine) -> None:
    engine.docker(
        "run", "--name", "once", *LIMITS, "busybox", "sh", "-c", "test -e /done || { >/done; tail /dev/zero; }"
    )
    assert call(engine, "GET", "/containers/once/json")[1]["State"]["OOMKilled"] is True
    assert engine.docker("start", "-a", "once").returncode == 0
    assert call(engine, "GET", "/containers/once/json")[1]["State"]["OOMKilled"] is False
    killed = engine.docker("run", "-d", "--name", "killed", *LIMITS, "busybox", "sleep", "1000")
    assert engine.docker("kill", "killed").returncode == killed.returncode == 0
    assert call(engine, "GET", "/containers/killed/json")[1]["State"]["OOMKilled"] is False
