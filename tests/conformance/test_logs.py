"""`docker logs`, its options, the drivers, rotation, and what a killed engine loses: nothing."""

import json
import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.unit.logs.receivers import Receiver, receiving

from conformance.engines import RunningEngine
from seaway.kernel.syscalls import CLONE_NEWNET, setns

MANY = "i=0; while [ $i -lt {count} ]; do i=$((i+1)); echo line $i; done"


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def logs(engine: RunningEngine, *flags: str) -> str:
    return engine.docker("logs", *flags).stdout


def numbered(first: int, last: int) -> str:
    return "".join(f"line {n}\n" for n in range(first, last + 1))


@pytest.fixture
def both(engine: RunningEngine) -> str:
    """A container that has ended, and wrote to both streams."""
    engine.docker(
        "run", "--name", "both", "busybox", "sh", "-c", "echo out; sleep 0.1; echo err >&2; sleep 0.1; echo end"
    )
    return "both"


def test_both_streams(engine: RunningEngine, both: str) -> None:
    done = engine.docker("logs", both)
    assert (done.stdout, done.stderr) == ("out\nend\n", "err\n")


def test_tail_counts_both_streams(engine: RunningEngine, both: str) -> None:
    done = engine.docker("logs", "--tail", "2", both)
    assert (done.stdout, done.stderr) == ("end\n", "err\n")
    assert engine.docker("logs", "-n", "0", both).stdout == ""
    assert logs(engine, "--tail", "all", both) == "out\nend\n"
    assert logs(engine, "--tail", "-1", both) == "out\nend\n"


def test_timestamps_since_and_until(engine: RunningEngine, both: str) -> None:
    lines = logs(engine, "-t", both).splitlines()
    stamps = [line.split(" ", 1)[0] for line in lines]
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", stamp) for stamp in stamps)
    assert logs(engine, "--since", stamps[1], both) == "end\n"
    assert logs(engine, "--until", stamps[0], both) == "out\n"
    assert logs(engine, "--since", "10m", both) == "out\nend\n"
    assert logs(engine, "--until", "10m", both) == ""


def test_details(engine: RunningEngine) -> None:
    engine.docker(
        "run", "--name", "det", "--label", "tier=front", "-e", "APP=a b", "--log-opt", "labels=tier",
        "--log-opt", "env=APP", "busybox", "echo", "x",
    )  # fmt: skip
    assert logs(engine, "--details", "det") == "APP=a+b,tier=front x\n"


def test_follow_ends_with_the_container(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "fol", "busybox", "sh", "-c", "echo first; sleep 1; echo last")
    assert logs(engine, "-f", "fol") == "first\nlast\n"
    assert logs(engine, "-f", "--tail", "1", "fol") == "last\n"


def test_follow_shows_a_line_at_once(engine: RunningEngine) -> None:
    engine.docker("run", "-di", "--name", "fol", "busybox", "cat")
    follow = subprocess.Popen(["docker", "-H", engine.host, "logs", "-f", "fol"], stdout=subprocess.PIPE, text=True)
    writer = subprocess.Popen(["docker", "-H", engine.host, "attach", "--sig-proxy=false", "fol"], stdin=subprocess.PIPE,
                              stdout=subprocess.DEVNULL, text=True)  # fmt: skip
    try:
        assert writer.stdin
        assert follow.stdout
        for text in ("one\n", "two\n"):
            writer.stdin.write(text)
            writer.stdin.flush()
            assert follow.stdout.readline() == text
    finally:
        for process in (follow, writer):
            process.kill()
            process.communicate()


def test_long_lines_and_binary_ones(engine: RunningEngine) -> None:
    script = r"head -c 40000 /dev/zero | tr '\0' x; echo; printf 'a\377b\n'"
    engine.docker("run", "-d", "--name", "long", "busybox", "sh", "-c", script)
    engine.docker("wait", "long")
    found = subprocess.run(["docker", "-H", engine.host, "logs", "long"], capture_output=True, check=True).stdout
    assert found == b"x" * 40000 + b"\na\xef\xbf\xbdb\n"


def test_a_last_line_without_its_newline(engine: RunningEngine) -> None:
    engine.docker("run", "--name", "open", "busybox", "sh", "-c", "echo whole; printf open")
    assert logs(engine, "open") == "whole\nopen"


def test_a_terminal_has_one_stream(engine: RunningEngine) -> None:
    engine.docker("run", "-t", "--name", "tty", "busybox", "sh", "-c", "echo out; echo err >&2")
    found = subprocess.run(["docker", "-H", engine.host, "logs", "tty"], capture_output=True, check=True)
    assert (found.stdout, found.stderr) == (b"out\r\nerr\r\n", b"")


@pytest.mark.parametrize("driver", ["json-file", "local"])
@pytest.mark.parametrize("compress", ["true", "false"])
def test_rotation_loses_no_line(engine: RunningEngine, driver: str, compress: str) -> None:
    engine.docker(
        "run", "--name", "rot", "--log-driver", driver, "--log-opt", "max-size=20k", "--log-opt", "max-file=50",
        "--log-opt", f"compress={compress}", "busybox", "sh", "-c", MANY.format(count=5000),
    )  # fmt: skip
    assert logs(engine, "rot") == numbered(1, 5000)
    assert logs(engine, "--tail", "3000", "rot") == numbered(2001, 5000)


def test_no_more_files_than_asked_for(engine: RunningEngine) -> None:
    engine.docker(
        "run", "--name", "rot", "--log-opt", "max-size=20k", "--log-opt", "max-file=3", "busybox", "sh", "-c",
        MANY.format(count=5000),
    )  # fmt: skip
    found = logs(engine, "rot").splitlines()
    assert found[-1] == "line 5000"
    assert 100 < len(found) < 2000
    directory = next((engine.data_root / "containers").glob("*/*-json.log")).parent
    assert len(list(directory.glob("*-json.log*"))) == 3


def test_none_cannot_be_read(engine: RunningEngine) -> None:
    engine.docker("run", "--name", "mute", "--log-driver", "none", "busybox", "echo", "x")
    assert "configured logging driver does not support reading" in engine.docker("logs", "mute").stderr


@pytest.mark.parametrize("name", ["nosuch", "awslogs-x"])
def test_an_unknown_driver_is_refused(engine: RunningEngine, name: str) -> None:
    done = engine.docker("create", "--log-driver", name, "busybox", "true")
    assert done.returncode
    assert f"error looking up logging plugin {name}: plugin" in done.stderr


GATEWAY = "127.0.0.1"


@contextmanager
def receiving_there(engine: RunningEngine, port: int = 0) -> Iterator[Receiver]:
    """On the loopback of the engine's network namespace: a socket belongs to the one in which it is made."""
    made: list[socket.socket] = []

    def make() -> None:
        with open(f"/run/netns/{engine.namespace}") as namespace:
            setns(namespace.fileno(), CLONE_NEWNET)
        made.append(socket.socket())

    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    with receiving("tcp", listener=made[0], port=port) as receiver:
        yield receiver


@pytest.fixture
def receiver(engine: RunningEngine) -> Iterator[Receiver]:
    with receiving_there(engine) as made:
        yield made


def options(driver: str, port: int) -> tuple[str, ...]:
    address = f"{driver}-address={'' if driver == 'fluentd' else 'tcp://'}{GATEWAY}:{port}"
    return ("--log-driver", driver, "--log-opt", address)


@pytest.mark.min_api("1.42")
@pytest.mark.parametrize("driver", ["syslog", "gelf", "fluentd"])
def test_lines_are_sent_and_can_be_read(engine: RunningEngine, receiver: Receiver, driver: str) -> None:
    engine.docker(
        "run",
        "--name",
        "sent",
        *options(driver, receiver.port),
        "busybox",
        "sh",
        "-c",
        "echo hello; echo oh >&2",
    )
    receiver.wait(lambda pieces: b"hello" in b"".join(pieces) and b"oh" in b"".join(pieces))
    done = engine.docker("logs", "sent")
    assert (done.stdout, done.stderr) == ("hello\n", "oh\n")


def test_the_last_lines_of_a_container_that_removes_itself(engine: RunningEngine, receiver: Receiver) -> None:
    script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
    engine.docker("run", "--rm", *options("syslog", receiver.port), "busybox", "sh", "-c", script)
    receiver.wait(lambda pieces: b"line 2999" in b"".join(pieces))


def test_with_the_cache_off_it_cannot_be_read(engine: RunningEngine, receiver: Receiver) -> None:
    engine.docker(
        "run", "--name", "sent", *options("syslog", receiver.port), "--log-opt", "cache-disabled=true",
        "busybox", "echo", "hello",
    )  # fmt: skip
    receiver.wait(lambda pieces: b"hello" in b"".join(pieces))
    assert "configured logging driver does not support reading" in engine.docker("logs", "sent").stderr


def test_a_receiver_that_is_not_there_keeps_the_container_from_starting(engine: RunningEngine) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    done = engine.docker("run", "--name", "no", *options("syslog", port), "busybox", "echo", "x")
    assert done.returncode == 125
    assert f"failed to initialize logging driver: dial tcp 127.0.0.1:{port}: connect: connection refused" in done.stderr


@pytest.mark.seaway_only("dockerd's containers do not outlive it")
@pytest.mark.parametrize("driver", ["json-file", "local", "syslog", "gelf", "fluentd"])
def test_no_line_is_lost_when_the_engine_is_killed(engine: RunningEngine, receiver: Receiver, driver: str) -> None:
    count = int(os.environ.get("SEAWAY_LOG_LINES", "60000"))
    flags = ("--log-driver", driver) if driver in ("json-file", "local") else options(driver, receiver.port)
    limit = ("--log-opt", "max-size=100m") if driver == "local" else ()
    engine.docker("run", "-d", "--name", "many", *flags, *limit, "busybox", "sh", "-c", MANY.format(count=count))
    for _ in range(3):
        time.sleep(0.3)  # somewhere in the middle
        engine.kill()
        engine.start()
    assert engine.docker("wait", "many").stdout == "0\n"
    done = engine.docker("logs", "many", timeout=60)
    seen = [int(n) for n in re.findall(r"line (\d+)\n", done.stdout)]
    assert seen, done.stderr
    assert sorted(set(seen)) == list(range(1, count + 1))
    if driver in ("syslog", "gelf", "fluentd"):
        receiver.wait(lambda pieces: b"line %d" % count in b"".join(pieces[-3:]))
        sent = {int(n) for n in re.findall(rb"line (\d+)\b", b"".join(receiver.pieces))}
        assert sent == set(range(1, count + 1))


@pytest.mark.seaway_only("dockerd drops what a receiver does not take")
def test_a_receiver_that_comes_back_gets_everything(engine: RunningEngine) -> None:
    with receiving_there(engine) as first:
        port = first.port
        engine.docker(
            "run",
            "-d",
            "--name",
            "back",
            *options("syslog", port),
            "busybox",
            "sh",
            "-c",
            "sleep 1; echo while away; sleep 1000",
        )
    wait_for(lambda: logs(engine, "back") == "while away\n", "not in the cache")
    with receiving_there(engine, port) as again:
        again.wait(lambda pieces: b"while away" in b"".join(pieces))


@pytest.mark.seaway_only("the file's place is the same, but dockerd needs no look into it")
def test_the_json_file_is_where_tools_look_for_it(engine: RunningEngine) -> None:
    engine.docker("run", "--name", "json", "busybox", "echo", "<x>")
    path = Path(engine.docker("inspect", "-f", "{{.LogPath}}", "json").stdout.strip())
    line = path.read_text()
    assert line.startswith('{"log":"\\u003cx\\u003e\\n","stream":"stdout","time":"')
    assert json.loads(line)["log"] == "<x>\n"


def test_a_log_that_floods_keeps_nobody_waiting(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "good", "busybox", "sh", "-c", "echo hello; sleep 1000")
    engine.docker("run", "-d", "--name", "flood", "--log-opt", "max-size=10m", "busybox", "yes")
    time.sleep(2)  # it has written for a while
    assert logs(engine, "--tail", "3", "flood") == "y\n" * 3
    assert logs(engine, "good") == "hello\n"
    assert engine.docker("rm", "-f", "flood").returncode == 0
