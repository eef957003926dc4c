"""What Prometheus is told, and the daemon-wide settings beside it."""

import subprocess
import time

import pytest

from conformance.conftest import Restarted, RunningEngine
from conformance.options import create_and_start


def metrics(engine: RunningEngine, port: int, path: str = "/metrics") -> str:
    command = ["ip", "netns", "exec", engine.namespace, "curl", "-s", f"http://127.0.0.1:{port}{path}"]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout


def value(text: str, name: str) -> float:
    lines = [line for line in text.splitlines() if line.startswith(f"{name} ")]
    assert len(lines) == 1, text
    return float(lines[0].rpartition(" ")[2])


def test_actions_states_and_events_are_counted(restarted: Restarted) -> None:
    engine = restarted("--metrics-addr", "127.0.0.1:9323", "--experimental")
    before = metrics(engine, 9323)
    engine.docker("run", "-d", "--name", "box", "busybox", "sleep", "1000")
    running = metrics(engine, 9323)
    for name in ("create", "start"):
        count = f'engine_daemon_container_actions_seconds_count{{action="{name}"}}'
        assert value(running, count) == value(before, count) + 1
    states = 'engine_daemon_container_states_containers{state="%s"}'
    assert value(running, states % "running") == value(before, states % "running") + 1
    assert value(running, "engine_daemon_events_total") > value(before, "engine_daemon_events_total")
    assert value(running, "engine_daemon_engine_cpus_cpus") >= 1
    engine.docker("commit", "box", "made")
    engine.docker("diff", "box")
    engine.docker("rm", "-f", "box")
    after = metrics(engine, 9323)
    assert value(after, states % "running") == value(before, states % "running")
    for name in ("changes", "commit", "delete"):
        count = f'engine_daemon_container_actions_seconds_count{{action="{name}"}}'
        assert value(after, count) == value(before, count) + 1
    for name in ("allocate", "release"):
        count = f'engine_daemon_network_actions_seconds_count{{action="{name}"}}'
        assert value(after, count) > value(before, count)
    engine.docker("rmi", "made")
    assert "404" in metrics(engine, 9323, "/other")


def test_health_checks_are_counted(restarted: Restarted) -> None:
    engine = restarted("--metrics-addr", "127.0.0.1:9323", "--experimental")
    engine.docker(
        "run", "-d", "--name", "ill", "--health-cmd", "false", "--health-interval", "1s", "busybox", "sleep", "99"
    )
    deadline = time.monotonic() + 20
    while not value(text := metrics(engine, 9323), "engine_daemon_health_checks_failed_total"):
        assert time.monotonic() < deadline, text
    assert value(text, "engine_daemon_health_checks_total") >= 1
    engine.docker("rm", "-f", "ill")


@pytest.mark.seaway_only("a feature of Docker 25")
def test_devices_by_a_vendors_name_can_be_turned_off(restarted: Restarted) -> None:
    host = {"DeviceRequests": [{"Driver": "cdi", "DeviceIDs": ["vendor.com/class=name"]}]}
    assert "CDI device injection failed" in create_and_start(restarted(), {}, host).message
    without = create_and_start(restarted("--feature", "cdi=false"), {}, host)
    assert 'could not select device driver "cdi"' in without.message


@pytest.mark.seaway_only("what has no effect is named; the words are Seaway's own")
def test_what_has_no_effect_is_refused_or_named(engine: RunningEngine, restarted: Restarted) -> None:
    assert "rootless mode is not supported" in engine.refusal("--rootless")
    assert "failed to start metrics server" in engine.refusal("--metrics-addr", "127.0.0.1:nothing")
    restarted("--feature", "buildkit=true")
    assert 'The \\"buildkit\\" feature has no effect' in (engine.root / "log").read_text()
