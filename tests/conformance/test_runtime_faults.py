"""A container that misbehaves, a runtime or a conmon that does: a clear answer, nothing left behind, nobody held up."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import Restarted, RunningEngine

SCRIPTS = {
    "fails": "exit 1",
    "complains": "echo out; echo 'no such luck' >&2; exit 3",
    "hangs": 'case "$*" in *" create "*) sleep 77777;; esac',
    "nostart": 'case "$*" in *" start "*) echo "will not" >&2; exit 1;; esac; exec crun "$@"',
}


def state(engine: RunningEngine, name: str) -> dict[str, Any]:
    (found,) = json.loads(engine.docker("inspect", name).stdout)
    return dict(found["State"], Id=found["Id"])


def test_out_of_memory_is_seen(engine: RunningEngine) -> None:
    limits = ("--memory", "16m", "--memory-swap", "16m")
    command = (
        "x=$(head -c 100m /dev/zero | tail -c 99m | wc -c; head -c 100000000 /dev/zero | tr '\\0' a); echo $x | wc -c"
    )
    done = engine.docker("run", "--name", "hungry", *limits, "busybox", "sh", "-c", command)
    found = state(engine, "hungry")
    assert found["OOMKilled"] is True
    assert (done.returncode, found["ExitCode"]) == (137, 137)
    events = engine.docker(
        "events", "--since", "10m", "--until", "-1s", "--filter", "container=hungry", "--format", "{{.Action}}"
    )
    assert "oom" in events.stdout.split()
    engine.docker("rm", "hungry")


def test_a_fork_bomb_stays_in_its_limit(engine: RunningEngine) -> None:
    bomb = "f() { f | f & }; f; sleep 1000"
    engine.docker("run", "-d", "--name", "bomb", "--pids-limit", "30", "busybox", "sh", "-c", bomb)
    assert engine.docker("run", "--rm", "busybox", "echo", "still here").stdout == "still here\n"
    engine.docker("rm", "-f", "bomb")
    assert "No such" in engine.docker("inspect", "bomb").stderr


def test_a_process_that_ignores_sigterm(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "deaf", "busybox", "sh", "-c", "trap '' TERM; while :; do sleep 1; done")
    assert engine.docker("stop", "-t", "1", "deaf").returncode == 0
    assert state(engine, "deaf")["ExitCode"] == 137
    engine.docker("rm", "deaf")


def test_a_flood_of_output_is_bounded_and_holds_nobody_up(engine: RunningEngine) -> None:
    options = ("--log-opt", "max-size=100k", "--log-opt", "max-file=2")
    engine.docker(
        "run",
        "--name",
        "flood",
        *options,
        "busybox",
        "sh",
        "-c",
        "yes 0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789 | head -c 20000000",
        timeout=120,
    )
    directory = engine.data_root / "containers" / state(engine, "flood")["Id"]
    kept = sum(file.stat().st_size for file in directory.glob("*-json.log*"))
    assert 0 < kept < 400_000
    engine.docker("rm", "flood")


@pytest.fixture
def faulty(restarted: Restarted, tmp_path: Path) -> RunningEngine:
    """With runtimes of every bad kind."""
    flags = []
    for name, script in SCRIPTS.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        flags += ["--add-runtime", f"{name}={program}"]
    (tmp_path / "noprogram").write_text("not a program")
    (tmp_path / "noprogram").chmod(0o755)
    return restarted(*flags, "--add-runtime", f"noprogram={tmp_path}/noprogram", "--add-runtime", "gone=/nosuch")


@pytest.mark.seaway_only("conmon and the runtime's own complaint stand where containerd's shim does")
def test_a_runtime_that_fails(faulty: RunningEngine) -> None:
    wanted = {
        "fails": "the runtime ended without a word",
        "complains": "complains create failed: no such luck",
        "nostart": "nostart create failed: will not",
        "noprogram": "noprogram create failed",
        "gone": 'runtime "gone" was not found',
    }
    for name, text in wanted.items():
        done = faulty.docker("run", "--runtime", name, "--name", name, "busybox", "true")
        assert (done.returncode, text in done.stderr) == (125, True), done.stderr
        found = state(faulty, name)
        assert (found["Status"], found["ExitCode"]) == ("created", 128)
        assert_nothing_left(faulty, found["Id"])
    faulty.docker("rm", *wanted)


@pytest.mark.seaway_only("the runtime's own complaint stands where containerd's shim does")
def test_a_runtime_that_fails_an_exec(restarted: Restarted, tmp_path: Path) -> None:
    program = tmp_path / "runc"
    program.write_text('#!/bin/sh\ncase "$*" in *" exec "*) echo "not today" >&2; exit 1;; esac\nexec runc "$@"\n')
    program.chmod(0o755)
    engine = restarted("--add-runtime", f"early={program}")
    assert engine.docker("run", "-d", "--name", "box", "--runtime", "early", "busybox", "sleep", "1000").returncode == 0
    for attached in ((), ("-d",)):
        done = engine.docker("exec", *attached, "box", "true")
        assert (done.returncode != 0, "not today" in done.stdout + done.stderr) == (True, True), done
    assert engine.docker("exec", "box", "true", timeout=10).returncode != 0
    engine.docker("rm", "-f", "box")


@pytest.mark.seaway_only("dockerd leaves a runtime's state to containerd")
def test_a_runtime_that_is_deleting_when_the_engine_ends(restarted: Restarted, tmp_path: Path) -> None:
    program, mark = tmp_path / "slow", tmp_path / "asked"
    once = f'*" delete "*) [ -e {mark} ] || {{ touch {mark}; exec sleep 60; }};;'
    program.write_text(f'#!/bin/sh\ncase "$*" in {once} esac\nexec runc "$@"\n')
    program.chmod(0o755)
    flags = ("--add-runtime", f"slow={program}")
    engine = restarted(*flags)
    options = ("--runtime", "slow", "--stop-signal", "KILL")
    container_id = engine.docker("run", "-d", "--name", "box", *options, "busybox", "sleep", "1000").stdout.strip()
    assert engine.stop() == 0
    assert mark.exists()
    state = engine.root / "exec/seaway/runtime/slow" / container_id
    assert state.exists()
    engine.start(*flags)
    assert not state.exists()
    assert engine.docker("rm", "box").returncode == 0


@pytest.mark.seaway_only("dockerd has no way out of a runtime that hangs")
def test_a_runtime_that_hangs(faulty: RunningEngine) -> None:
    command = ["docker", "-H", faulty.host, "run", "--runtime", "hangs", "--name", "stuck", "busybox", "true"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as client:
        assert faulty.docker("run", "--rm", "busybox", "echo", "others run").stdout == "others run\n"
        while (made := faulty.docker("ps", "-aq", "--no-trunc", "--filter", "name=stuck").stdout.strip()) == "":
            assert client.poll() is None
        assert faulty.docker("rm", "-f", "stuck").returncode == 0
        assert client.wait(20) == 125
    assert subprocess.run(["pgrep", "-f", "sleep 77777"], check=False).returncode == 1
    assert_nothing_left(faulty, made)


@pytest.mark.seaway_only("conmon is Seaway's")
def test_conmon_is_killed(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "orphan", "busybox", "sleep", "1000")
    found = state(engine, "orphan")
    (pid_file,) = (engine.root / "exec").glob(f"seaway/runs/{found['Id']}/*/conmon.pid")
    following = subprocess.Popen(["docker", "-H", engine.host, "wait", "orphan"], stdout=subprocess.PIPE, text=True)
    os.kill(int(pid_file.read_text()), signal.SIGKILL)
    assert following.communicate(timeout=20)[0] == "137\n"
    engine.docker("rm", "-f", "orphan")
    assert has_ended(found["Pid"])
    assert_nothing_left(engine, found["Id"])


def has_ended(pid: int) -> bool:
    """Gone, or a zombie that this machine's init has not seen yet."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def assert_nothing_left(engine: RunningEngine, container_id: str) -> None:
    """What is cleared up behind the answer may take a moment."""
    deadline = time.monotonic() + 20
    while (left := leftovers(engine, container_id)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == []


def leftovers(engine: RunningEngine, container_id: str) -> list[str]:
    found = [str(group) for group in Path("/sys/fs/cgroup").glob(f"**/{container_id}")]
    found += [line for line in Path("/proc/mounts").read_text().splitlines() if container_id in line]
    runs = engine.root / "exec/seaway/runs" / container_id
    named = subprocess.run(["pgrep", "-af", container_id], check=False, capture_output=True, text=True).stdout
    return [*found, *named.splitlines(), *([str(runs)] if runs.exists() else [])]
