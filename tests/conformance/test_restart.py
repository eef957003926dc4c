"""A new engine takes over: after a kill, after a graceful end, with and without --live-restore, after a reboot."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.engines import RunningEngine

pytestmark = pytest.mark.seaway_only("dockerd kills its containers, or a containerd of its own outlives it")


def wait_for(condition: Callable[[], bool], what: str, patience_s: float = 20) -> None:
    deadline = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def state(engine: RunningEngine, name: str) -> dict[str, object]:
    found = engine.docker("inspect", "-f", "{{json .State}}", name)
    return dict(json.loads(found.stdout)) if found.returncode == 0 else {"Status": "absent"}


def is_status(engine: RunningEngine, name: str, wanted: str) -> Callable[[], bool]:
    return lambda: state(engine, name)["Status"] == wanted


def reboot(engine: RunningEngine, *, keeps_exec_root: bool) -> None:
    running = [int(str(state(engine, name)["Pid"])) for name in engine.docker("ps", "-q").stdout.split()]
    engine.kill()
    subprocess.run(["pkill", "-9", "-f", f"{engine.root}/exec"], check=False)  # conmons and the port proxy
    for pid in filter(None, running):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for line in reversed(Path("/proc/mounts").read_text().splitlines()):
        if (target := line.split()[1]).startswith(f"{engine.root}/"):
            subprocess.run(["umount", "-l", target], check=False)
    if keeps_exec_root:
        (engine.root / "exec/seaway/boot-id").write_text("another boot")
    else:
        shutil.rmtree(engine.root / "exec")


def test_what_runs_is_adopted(engine: RunningEngine) -> None:
    engine.docker("run", "-di", "--name", "cat", "busybox", "cat")
    engine.docker("run", "-d", "--name", "talks", "busybox", "sh", "-c", "echo before; sleep 1000")
    engine.kill()
    engine.start()
    assert engine.docker("exec", "talks", "echo", "in").stdout == "in\n"
    assert engine.docker("logs", "talks").stdout == "before\n"
    attached = subprocess.Popen(
        ["docker", "-H", engine.host, "attach", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert attached.stdin
    assert attached.stdout
    attached.stdin.write("through the new engine\n")
    attached.stdin.flush()
    assert attached.stdout.readline() == "through the new engine\n"
    attached.kill()
    attached.communicate()
    engine.docker("stop", "-t", "0", "talks")
    assert state(engine, "talks")["ExitCode"] == 137


def test_exit_codes_of_what_ended_meanwhile(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "ends", "busybox", "sh", "-c", "sleep 1; echo late; exit 5")
    engine.docker("run", "-d", "--rm", "--name", "goes", "busybox", "sleep", "1")
    engine.docker("run", "-d", "--name", "again", "--restart", "always", "busybox", "sh", "-c", "sleep 1; exit 3")
    pids = [int(str(state(engine, name)["Pid"])) for name in ("ends", "goes", "again")]
    engine.kill()
    wait_for(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids), "they do not end")
    engine.start()
    wait_for(is_status(engine, "ends", "exited"), "still running")
    assert state(engine, "ends")["ExitCode"] == 5
    assert engine.docker("logs", "ends").stdout == "late\n"
    wait_for(is_status(engine, "goes", "absent"), "not removed")
    wait_for(lambda: int(engine.docker("inspect", "-f", "{{.RestartCount}}", "again").stdout) > 0, "not restarted")
    engine.docker("rm", "-f", "again")


def test_a_paused_one_is_paused_still(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "frozen", "busybox", "sleep", "1000")
    assert engine.docker("pause", "frozen").returncode == 0
    engine.kill()
    engine.start()
    assert state(engine, "frozen")["Status"] == "paused"
    assert engine.docker("unpause", "frozen").returncode == 0
    assert engine.docker("exec", "frozen", "echo", "thawed").stdout == "thawed\n"


def test_one_that_waits_for_its_restart_restarts(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "flaps", "--restart", "always", "busybox", "false")
    wait_for(is_status(engine, "flaps", "restarting"), "does not flap")
    engine.kill()
    engine.start()
    count = int(engine.docker("inspect", "-f", "{{.RestartCount}}", "flaps").stdout)
    wait_for(
        lambda: int(engine.docker("inspect", "-f", "{{.RestartCount}}", "flaps").stdout) > count, "does not flap on"
    )
    assert engine.docker("rm", "-f", "flaps").returncode == 0


def test_an_exec_goes_on_without_its_engine(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "host", "busybox", "sleep", "1000")
    engine.docker("exec", "-d", "host", "sh", "-c", "sleep 1; echo done >/made")
    engine.kill()
    engine.start()
    assert state(engine, "host")["Status"] == "running"
    wait_for(lambda: engine.docker("exec", "host", "cat", "/made").stdout == "done\n", "the exec is gone")
    wait_for(lambda: not list((engine.root / "exec/seaway/execs").iterdir()), "its directory is still there")


@pytest.mark.parametrize("keeps_exec_root", [False, True])
def test_a_reboot(engine: RunningEngine, *, keeps_exec_root: bool) -> None:
    engine.docker("run", "-d", "--name", "gone", "-p", "18080:80", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--rm", "--name", "once", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "stays", "--restart", "unless-stopped", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "stopped", "--restart", "unless-stopped", "busybox", "sleep", "1000")
    engine.docker("stop", "-t", "0", "stopped")
    reboot(engine, keeps_exec_root=keeps_exec_root)
    engine.start()
    assert (state(engine, "gone")["Status"], state(engine, "gone")["ExitCode"]) == ("exited", 255)
    wait_for(is_status(engine, "once", "absent"), "not removed")
    wait_for(is_status(engine, "stays", "running"), "not restarted")
    assert engine.docker("exec", "stays", "echo", "in").stdout == "in\n"
    assert state(engine, "stopped")["Status"] == "exited"
    assert engine.docker("start", "gone").returncode == 0
    assert "0.0.0.0:18080" in engine.docker("port", "gone").stdout


def test_restart_policies_when_the_engine_comes_back(engine: RunningEngine) -> None:
    for name, policy, script in (
        ("p-no", "no", "sleep 1000"),
        ("p-always", "always", "sleep 1000"),
        ("p-failed", "on-failure", "trap 'exit 3' TERM; sleep 1000 & wait"),
        ("p-unless", "unless-stopped", "sleep 1000"),
    ):
        engine.docker(
            "run", "-d", "--name", name, "--restart", policy, "--stop-timeout", "1", "busybox", "sh", "-c", script
        )
    engine.docker("run", "-d", "--name", "p-manual", "--restart", "always", "busybox", "sleep", "1000")
    engine.docker("stop", "-t", "0", "p-manual")
    assert engine.stop() == 0
    engine.start()
    for name in ("p-always", "p-failed", "p-unless", "p-manual"):
        wait_for(is_status(engine, name, "running"), f"{name} is not restarted")
    assert state(engine, "p-no")["Status"] == "exited"
    assert engine.docker("rm", "-f", "p-no", "p-always", "p-failed", "p-unless", "p-manual").returncode == 0


def test_a_graceful_end_stops_in_parallel_and_by_force(engine: RunningEngine) -> None:
    for number in range(4):
        engine.docker("run", "-d", "--name", f"deaf{number}", "--stop-timeout", "2", "busybox", "sleep", "1000")
    engine.docker(
        "run", "-d", "--name", "polite", "busybox", "sh", "-c", "trap 'echo bye; exit 4' TERM; sleep 1000 & wait"
    )
    engine.docker("run", "-d", "--name", "frozen", "--stop-timeout", "2", "busybox", "sleep", "1000")
    engine.docker("pause", "frozen")
    began = time.monotonic()
    assert engine.stop() == 0
    assert 1.5 < time.monotonic() - began < 8
    engine.start()
    assert [state(engine, f"deaf{n}")["ExitCode"] for n in range(4)] == [137] * 4
    assert (state(engine, "polite")["ExitCode"], state(engine, "frozen")["ExitCode"]) == (4, 137)
    assert engine.docker("logs", "polite").stdout == "bye\n"


def test_live_restore_keeps_them(engine: RunningEngine) -> None:
    assert engine.stop() == 0
    engine.start("--live-restore")
    engine.docker("run", "-d", "--name", "lives", "busybox", "sleep", "1000")
    pid = state(engine, "lives")["Pid"]
    assert engine.stop() == 0
    assert Path(f"/proc/{pid}").exists()
    engine.start()
    assert (state(engine, "lives")["Status"], state(engine, "lives")["Pid"]) == ("running", pid)


def test_the_third_interrupt_forces_the_end(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "deaf", "--stop-timeout", "100", "busybox", "sleep", "1000")
    assert engine.process
    engine.process.send_signal(signal.SIGINT)
    wait_for(lambda: "Processing signal 'interrupt'" in (engine.root / "log").read_text(), "it does not stop")
    for _ in range(2):
        engine.process.send_signal(signal.SIGINT)
        time.sleep(0.1)  # signals of one kind that are pending count once
    assert engine.process.wait(10) == 128 + signal.SIGINT
    (engine.root / "pid").unlink(missing_ok=True)
    engine.start()
    assert state(engine, "deaf")["Status"] == "running"


def test_a_directory_that_cannot_be_read_is_skipped(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "whole", "busybox", "true")
    broken = engine.docker("create", "--name", "broken", "busybox", "true").stdout.strip()
    file = engine.data_root / "containers" / broken / "config.v2.json"
    content = file.read_bytes()
    half = engine.data_root / "containers" / ("e" * 64)
    engine.kill()
    file.write_bytes(content[: len(content) // 2])
    half.mkdir()
    engine.start()
    assert engine.docker("ps", "-a", "--format", "{{.Names}}").stdout.split() == ["whole"]
    log = (engine.root / "log").read_text()
    assert f"failed to load container {broken}" in log
    assert f"failed to load container {'e' * 64}" in log
    engine.kill()
    half.rmdir()
    file.write_bytes(content)
    engine.start()
    assert engine.docker("start", "-a", "broken").returncode == 0


def test_a_thousand_stopped_containers_load_in_a_second(engine: RunningEngine) -> None:
    model = engine.docker("create", "--name", "model", "busybox", "true").stdout.strip()
    engine.kill()
    directory = engine.data_root / "containers"
    made = [f"{number:064x}" for number in range(1, 1001)]
    for number, identifier in enumerate(made):
        shutil.copytree(directory / model, directory / identifier)
        file = directory / identifier / "config.v2.json"
        text = file.read_text().replace(model, identifier).replace('"/model"', f'"/copy{number}"')
        file.write_text(text)
    try:
        engine.start()
        assert len(engine.docker("ps", "-aq").stdout.split()) >= 1001
        lines = (engine.root / "log").read_text().splitlines()
        begun, ended = (
            max(n for n, line in enumerate(lines) if f"Loading containers: {word}" in line)
            for word in ("start", "done")
        )
        seconds = _seconds(lines[ended]) - _seconds(lines[begun])
        assert seconds < 1, f"{seconds} s"
    finally:
        if not engine.ended():
            engine.kill()
        for identifier in made:
            shutil.rmtree(directory / identifier, ignore_errors=True)
        engine.start()


def _seconds(line: str) -> float:
    clock = line.split('time="')[1].split("T")[1][:15]
    hours, minutes, seconds = clock.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
