"""The syslog driver against a real receiver: every transport, every format, and an engine that is killed midway."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.rsyslogs import Rsyslog, rsyslog

COUNT = int(os.environ.get("SEAWAY_LOG_LINES", "60000"))
"""A million (set SEAWAY_LOG_LINES) takes minutes."""


def wait_for(holds: Callable[[], bool], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not holds():
        assert time.monotonic() < deadline, "it never held"
        time.sleep(0.05)


def started(engine: RunningEngine, receiver: Rsyslog, *args: str) -> None:
    """rsyslogd tells nobody when it listens; until then the container is refused."""
    for _ in range(100):
        done = engine.docker("run", *receiver.options, *args)
        if done.returncode == 0:
            return
        engine.docker("rm", "-f", args[args.index("--name") + 1])
        time.sleep(0.1)
    raise AssertionError(done.stderr)


@pytest.mark.parametrize("kind", ["tcp", "udp", "unixgram", "tcp+tls"])
def test_a_line_arrives_with_its_tag(engine: RunningEngine, tmp_path: Path, kind: str) -> None:
    with rsyslog(engine, kind, tmp_path) as receiver:
        if kind == "udp":
            wait_for(lambda: bool(listening_udp(engine)), 20)
        started(engine, receiver, "--log-opt", "tag=mine", "--name", "box", "busybox", "echo", "hello there")
        wait_for(lambda: "mine:hello there" in receiver.lines(), 20)


@pytest.mark.parametrize("format", ["rfc3164", "rfc5424", "rfc5424micro"])
def test_each_format_is_understood(engine: RunningEngine, tmp_path: Path, format: str) -> None:
    with rsyslog(engine, "tcp", tmp_path) as receiver:
        wanted = ("--log-opt", f"syslog-format={format}", "--log-opt", "tag=mine")
        started(engine, receiver, *wanted, "--name", "box", "busybox", "echo", "hello there")
        wait_for(lambda: any("mine" in line and "hello there" in line for line in receiver.lines()), 20)


@pytest.mark.timeout(900)
@pytest.mark.seaway_only("dockerd's containers do not outlive it")
@pytest.mark.parametrize("kind", ["tcp", "tcp+tls"])
def test_no_line_is_lost_when_the_engine_is_killed(engine: RunningEngine, tmp_path: Path, kind: str) -> None:
    with rsyslog(engine, kind, tmp_path) as receiver:
        started(
            engine,
            receiver,
            "-d",
            "--log-opt",
            "tag=m",
            "--name",
            "many",
            "busybox",
            "seq",
            "1",
            str(COUNT),
        )
        for quarter in (1, 2, 3):
            wait_for(lambda quarter=quarter: len(receiver.lines()) > COUNT * quarter / 5, 120)  # type: ignore[misc]
            engine.kill()
            engine.start()
        wait_for(lambda: len(set(receiver.lines())) >= COUNT, 300)
        assert {line.removeprefix("m:") for line in receiver.lines()} == {str(n) for n in range(1, COUNT + 1)}


def listening_udp(engine: RunningEngine) -> list[str]:
    rows = Path(f"/proc/{engine.process.pid}/net/udp").read_text().splitlines() if engine.process else []
    return [row for row in rows if ":1972 " in row]
