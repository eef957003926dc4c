"""Attach: who is joined to a container's streams, what passes, and what ends the joining."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient

from conformance.conftest import RunningEngine
from conformance.streams import UPGRADE, actions, attach, attached, deframed, terminal

REFUSED = b"Content-Type: application/vnd.docker.raw-stream\r\n\r\n"


@pytest.fixture
def echo(engine: RunningEngine) -> Iterator[str]:
    """A container that says what it hears; its stdin outlives its clients."""
    engine.docker("run", "-d", "-i", "--name", "echo", "busybox", "cat")
    yield "echo"
    engine.docker("rm", "-f", "echo")


@pytest.fixture
def shell(engine: RunningEngine) -> Iterator[str]:
    """A container with a terminal."""
    engine.docker("run", "-dit", "--name", "shell", "busybox", "sh")
    yield "shell"
    engine.docker("rm", "-f", "shell")


def running(engine: RunningEngine, name: str) -> bool:
    return engine.docker("inspect", "-f", "{{.State.Running}}", name).stdout == "true\n"


@pytest.mark.parametrize("headers", [UPGRADE, ""])
def test_refusals_come_as_a_stream(engine: RunningEngine, echo: str, headers: str) -> None:
    with attach(engine, "none", "stream=1", headers) as wire:
        assert wire.read_all() == b"HTTP/1.1 404 Not Found\r\n" + REFUSED + b"No such container: none\r\n"
    with attach(engine, echo, "stream=1&detachKeys=ctrl-1", headers) as wire:
        assert (
            wire.read_all() == b"HTTP/1.1 400 Bad Request\r\n" + REFUSED + b"Invalid detach keys (ctrl-1) provided\r\n"
        )
    engine.docker("pause", echo)
    with attach(engine, echo, "stream=1", headers) as wire:
        text = b"container echo is paused, unpause the container before attach\r\n"
        assert wire.read_all() == b"HTTP/1.1 409 Conflict\r\n" + REFUSED + text
    engine.docker("unpause", echo)


@pytest.mark.parametrize("query", ["", "stream=1", "stdin=1&stdout=1&stderr=1"])
def test_nothing_to_join_ends_at_once(engine: RunningEngine, echo: str, query: str) -> None:
    with attached(engine, echo, query) as wire:
        assert wire.read_all() == b""


def test_logs_come_before_the_stream(engine: RunningEngine, echo: str) -> None:
    with attached(engine, echo, "stream=1&stdin=1&stdout=1") as wire:
        wire.send(b"old\n").read_until(b"old\n")
    with attached(engine, echo, "logs=1&stdout=1") as wire:
        assert deframed(wire.read_all()) == {1: b"old\n"}
    with attached(engine, echo, "logs=1&stderr=1") as wire:
        assert wire.read_all() == b""
    with attached(engine, echo, "logs=1&stream=1&stdin=1&stdout=1") as wire:
        wire.send(b"new\n")
        assert deframed(wire.read_until(b"new\n")) == {1: b"old\nnew\n"}


def test_logs_of_a_driver_that_keeps_none(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "mute", "--log-driver", "none", "busybox", "sleep", "100")
    with attached(engine, "mute", "logs=1&stdout=1") as wire:
        assert deframed(wire.read_all())[1].startswith(b"Error attaching: ")


@pytest.mark.parametrize(
    ("query", "heard"),
    [
        ("stdout=1&stderr=1", {1: b"out\n", 2: b"err\n"}),
        ("stdout=1", {1: b"out\n"}),
        ("stderr=1", {2: b"err\n"}),
    ],
)
def test_only_the_streams_that_were_asked_for(engine: RunningEngine, query: str, heard: dict[int, bytes]) -> None:
    engine.docker("create", "--name", "two", "busybox", "sh", "-c", "echo out; echo err >&2")
    with attached(engine, "two", f"stream=1&{query}") as wire:
        engine.docker("start", "two")
        assert deframed(wire.read_all()) == heard
    engine.docker("rm", "two")


def test_the_end_of_a_clients_input_ends_its_attachment_alone(engine: RunningEngine, echo: str) -> None:
    with (
        attached(engine, echo, "stream=1&stdin=1&stdout=1") as leaves,
        attached(engine, echo, "stream=1&stdout=1") as stays,
    ):
        leaves.send(b"one\n").read_until(b"one\n")
        assert leaves.end().read_all() == b""
        stays.read_until(b"one\n")
        with attached(engine, echo, "stream=1&stdin=1") as other:
            other.send(b"two\n")
            stays.read_until(b"two\n")
    assert running(engine, echo)


def test_all_clients_hear_the_same(engine: RunningEngine, echo: str) -> None:
    clients = [attached(engine, echo, "stream=1&stdin=1&stdout=1") for _ in range(10)]
    for number, client in enumerate(clients):
        client.send(b"from %d\n" % number)
        for each in clients:
            each.read_until(b"from %d\n" % number)
    engine.docker("kill", echo)
    for each in clients:
        assert each.read_all() == b""
        each.close()


def test_stdin_once_ends_with_its_client(engine: RunningEngine) -> None:
    done = engine.docker("run", "-i", "--name", "once", "busybox", "cat", input="hi\n")
    assert (done.stdout, done.returncode) == ("hi\n", 0)
    again = engine.docker("start", "-ai", "once", input="again\n")
    assert (again.stdout, again.returncode) == ("again\n", 0)
    engine.docker("rm", "once")


def test_a_killed_client_ends_stdin_once(engine: RunningEngine) -> None:
    engine.docker("create", "-i", "--name", "bereft", "busybox", "sh", "-c", "echo ready; cat; echo over")
    with attached(engine, "bereft", "stream=1&stdin=1&stdout=1") as wire:
        engine.docker("start", "bereft")
        wire.read_until(b"ready\n")
    assert engine.docker("wait", "bereft").stdout == "0\n"
    assert engine.docker("logs", "bereft").stdout == "ready\nover\n"
    engine.docker("rm", "bereft")


def test_attach_before_start_misses_nothing(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "early", "busybox", "seq", "5")
    for _ in range(3):
        done = engine.docker("start", "-a", "early")
        assert (done.stdout, done.returncode) == ("1\n2\n3\n4\n5\n", 0)
    engine.docker("rm", "early")


@pytest.mark.seaway_only("dockerd leaves a client that waits for the start of a removed container waiting")
def test_removal_ends_those_who_wait_for_a_start(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "never", "busybox", "true")
    with attached(engine, "never", "stream=1&stdout=1") as wire:
        engine.docker("rm", "never")
        assert wire.read_all() == b""


@pytest.mark.parametrize(("flags", "keys"), [((), b"\x10\x11"), (("--detach-keys", "ctrl-a,x"), b"\x10\x11\x01x")])
def test_detach_keys_through_the_cli(engine: RunningEngine, shell: str, flags: tuple[str, ...], keys: bytes) -> None:
    with terminal(engine, "attach", *flags, shell) as cli:
        cli.type(b"echo $((40+2))\r")
        cli.read_until(b"42")
        cli.type(keys)
        cli.read_until(b"read escape sequence")
        cli.process.wait(20)
    assert running(engine, shell)


@pytest.mark.parametrize(("query", "keys"), [("", b"\x10\x11"), ("&detachKeys=ctrl-x,ctrl-x", b"\x18\x18")])
def test_detaching_is_an_event(engine: RunningEngine, shell: str, query: str, keys: bytes) -> None:
    began = time.time()
    with attached(engine, shell, f"stream=1&stdin=1&stdout=1{query}") as wire:
        wire.send(b"echo $((40+2))\n").read_until(b"42")
        wire.send(keys[:1] + b"#" + keys[:1]).send(keys[1:]).read_all()
    assert running(engine, shell)
    assert actions(engine, shell, began) == ["attach", "detach"]


def test_a_pipe_has_no_detach_keys(engine: RunningEngine, echo: str) -> None:
    with attached(engine, echo, "stream=1&stdin=1&stdout=1") as wire:
        wire.send(b"\x10\x11\n").read_until(b"\x10\x11\n")


def test_the_terminals_size(engine: RunningEngine, client: DockerClient, shell: str) -> None:
    began = time.time()
    client.api.resize(shell, 31, 101)
    with terminal(engine, "attach", shell) as cli:
        cli.read_until(b"#")
    assert "resize" in actions(engine, shell, began)
    client.api.resize(shell, 32, 102)
    done = engine.docker("exec", shell, "sh", "-c", "stty size < /proc/1/fd/0")
    assert done.stdout == "32 102\n"


def test_much_both_ways(engine: RunningEngine, tmp_path: Path) -> None:
    """100 MB through a container and back, byte for byte."""
    sent = tmp_path / "sent"
    sent.write_bytes(bytes(range(256)) * 4096 * 100)
    with sent.open("rb") as source:
        done = subprocess.run(
            ["docker", "-H", engine.host, "run", "-i", "--rm", "--log-driver", "none", "busybox", "cat"],
            stdin=source,
            capture_output=True,
            timeout=120,
            check=True,
        )
    assert done.stdout == sent.read_bytes()


def test_a_slow_reader_holds_the_container_back_and_loses_nothing(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "fast", "--log-driver", "none", "busybox", "sh", "-c", "seq 2000000; touch /done")
    with attached(engine, "fast", "stream=1&stdout=1") as wire:
        engine.docker("start", "fast")
        wire.read_until(b"\n1000\n")
        assert running(engine, "fast")
        rest = wire.read_all()
    assert rest.endswith(b"2000000\n")
    assert engine.docker("wait", "fast").stdout == "0\n"
    engine.docker("rm", "fast")
