"""Exec: a further process in a container, its streams, its user, its end, and what an engine's death leaves of it."""

import base64
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient
from docker.errors import APIError, NotFound

from conformance.conftest import RunningEngine
from conformance.streams import UPGRADE, Wire, actions, deframed, post, terminal
from seaway.kernel.pidfd import is_alive


@pytest.fixture
def box(engine: RunningEngine) -> Iterator[str]:
    engine.docker("run", "-d", "--name", "box", "-e", "A=1", "-w", "/tmp", "busybox", "sleep", "1000")
    yield "box"
    engine.docker("rm", "-f", "box")


def started(engine: RunningEngine, exec_id: str, body: dict[str, Any] | None = None) -> Wire:
    wire = Wire(engine).send(post(f"/v1.41/exec/{exec_id}/start", body or {}, UPGRADE))
    assert wire.read_until(b"\r\n\r\n").startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    return wire


def wait_ended(client: DockerClient, exec_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while (state := client.api.exec_inspect(exec_id))["ExitCode"] is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return dict(state)


def test_environment_directory_and_user(engine: RunningEngine, box: str) -> None:
    shown = "echo $A $B $HOME; pwd; id -u; id -g"
    assert engine.docker("exec", "-e", "B=2", box, "sh", "-c", shown).stdout.split() == [
        "1",
        "2",
        "/root",
        "/tmp",
        "0",
        "0",
    ]
    done = engine.docker("exec", "-u", "web", "-w", "/bin", "-e", "A=3", box, "sh", "-c", shown)
    assert done.stdout.split() == ["3", "/tmp", "/bin", "33", "34"]
    assert engine.docker("exec", "-u", "5:6", box, "sh", "-c", "id -u; id -g").stdout.split() == ["5", "6"]


def test_streams_are_apart_and_the_code_is_the_processs(engine: RunningEngine, box: str) -> None:
    done = engine.docker("exec", "-i", box, "sh", "-c", "cat; echo err >&2; exit 3", input="in\n")
    assert (done.stdout, done.stderr, done.returncode) == ("in\n", "err\n", 3)
    assert engine.docker("exec", box, "sh", "-c", "kill -9 $$").returncode == 137


def test_what_the_container_may_not_its_execs_may_not(engine: RunningEngine) -> None:
    engine.docker(
        "run", "-d", "--name", "tight", "--security-opt", "no-new-privileges", "--cap-drop", "ALL",
        "--ulimit", "nofile=77:88", "busybox", "sleep", "1000",
    )  # fmt: skip
    status = "cat /proc/self/status; ulimit -n"
    done = engine.docker("exec", "tight", "sh", "-c", status).stdout
    facts = dict(line.split(":\t", 1) for line in done.splitlines() if ":\t" in line)
    assert (facts["NoNewPrivs"], facts["CapEff"], done.splitlines()[-1]) == ("1", "0000000000000000", "77")
    wide = engine.docker("exec", "--privileged", "tight", "sh", "-c", status).stdout
    assert "CapEff:\t0000000000000000" not in wide


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (["nosuch"], 127, 'exec: "nosuch": executable file not found in $PATH: unknown'),
        (["/no/such"], 127, 'exec: "/no/such": stat /no/such: no such file or directory: unknown'),
        (["/etc/passwd"], 126, 'exec: "/etc/passwd": permission denied: unknown'),
    ],
)
def test_what_cannot_be_run(
    engine: RunningEngine, client: DockerClient, box: str, command: list[str], code: int, text: str
) -> None:
    said = f"OCI runtime exec failed: exec failed: unable to start container process: {text}"
    code = code if engine.api_version >= (1, 44) else 126
    exec_id = client.api.exec_create(box, command)["Id"]
    with started(engine, exec_id) as wire:
        assert deframed(wire.read_all()) == {1: f"{said}\r\n".encode()}
    assert wait_ended(client, exec_id)["ExitCode"] == code
    with pytest.raises(APIError) as refused:
        client.api.exec_start(client.api.exec_create(box, command)["Id"], detach=True)
    assert (refused.value.status_code, refused.value.explanation) == (400, said)
    assert engine.docker("exec", box, *command).returncode == code


def test_a_directory_that_is_not_there(engine: RunningEngine, box: str) -> None:
    done = engine.docker("exec", "-w", "/none", box, "true")
    assert 'chdir to cwd ("/none") set in config.json failed: no such file or directory' in done.stdout + done.stderr


def test_inspect_tells_its_life(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sleep", "0.2"], stdin=True, detach_keys="ctrl-a,b", user="web")["Id"]
    created = client.api.exec_inspect(exec_id)
    assert created == {
        "ID": exec_id,
        "Running": False,
        "ExitCode": None,
        "ProcessConfig": {
            "tty": False,
            "entrypoint": "sleep",
            "arguments": ["0.2"],
            "privileged": False,
            "user": "web",
        },
        "OpenStdin": True,
        "OpenStderr": True,
        "OpenStdout": True,
        "CanRemove": False,
        "ContainerID": client.api.inspect_container(box)["Id"],
        "DetachKeys": base64.b64encode(b"\x01b").decode(),
        "Pid": 0,
    }
    assert client.api.inspect_container(box)["ExecIDs"] == [exec_id]
    client.api.exec_start(exec_id, detach=True)
    running = client.api.exec_inspect(exec_id)
    assert running["Running"]
    assert running["Pid"] > 0
    ended = wait_ended(client, exec_id)
    assert (ended["Running"], ended["ExitCode"]) == (False, 0)
    assert client.api.inspect_container(box)["ExecIDs"] is None


def test_one_start_only(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sleep", "1000"])["Id"]
    client.api.exec_start(exec_id, detach=True)
    texts = engine.words("exec command {} is already running", old="Error: Exec command {} is already running")
    with pytest.raises(APIError) as again:
        client.api.exec_start(exec_id, detach=True)
    assert (again.value.status_code, again.value.explanation) == (409, texts.format(exec_id))
    with started(engine, exec_id) as wire:
        assert deframed(wire.read_all()) == {1: f"{texts.format(exec_id)}\r\n".encode()}


def test_only_one_of_two_starts_at_once(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sleep", "1000"])["Id"]

    def start() -> int:
        with Wire(engine) as wire:
            wire.send(post(f"/exec/{exec_id}/start", {"Detach": True}))
            return int(wire.read_until(b"\r\n").split()[1])

    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda _: start(), range(8)))
    assert sorted(codes) == [200] + [409] * 7


def test_refusals_by_the_containers_state(engine: RunningEngine, client: DockerClient, box: str) -> None:
    container_id = client.api.inspect_container(box)["Id"]
    exec_id = client.api.exec_create(box, ["true"])["Id"]
    engine.docker("pause", box)
    for refused, name in (
        (lambda: client.api.exec_create(box, ["true"]), box),
        (lambda: client.api.exec_start(exec_id), container_id),
    ):
        with pytest.raises(APIError) as paused:
            refused()
        assert paused.value.status_code == 409
        assert paused.value.explanation == f"Container {name} is paused, unpause the container before exec"
    engine.docker("unpause", box)
    engine.docker("stop", "-t", "0", box)
    with pytest.raises(APIError) as stopped:
        client.api.exec_create(box, ["true"])
    assert stopped.value.status_code == 409
    assert stopped.value.explanation.lower() == f"container {container_id} is not running"
    with pytest.raises(NotFound, match=f"No such exec instance: {exec_id}"):
        client.api.exec_start(exec_id)
    with pytest.raises(NotFound, match="No such container: none"):
        client.api.exec_create("none", ["true"])
    with pytest.raises(NotFound, match="No such exec instance: none"):
        client.api.exec_inspect("none")


def test_refusals_by_what_is_asked(engine: RunningEngine, client: DockerClient, box: str) -> None:
    with pytest.raises(APIError, match="No exec command specified") as empty:
        client.api.exec_create(box, [])
    assert empty.value.status_code == 400
    with pytest.raises(APIError, match=r"Invalid escape keys \(ctrl-1\) provided") as keys:
        client.api.exec_create(box, ["true"], detach_keys="ctrl-1")
    assert keys.value.status_code == 500


@pytest.mark.min_api("1.44")
def test_an_unknown_user_is_refused_at_create(client: DockerClient, box: str) -> None:
    with pytest.raises(APIError, match="unable to find user nobody1: no matching entries in passwd file") as user:
        client.api.exec_create(box, ["true"], user="nobody1")
    assert user.value.status_code == 400


def test_framing_is_the_starts_choice(engine: RunningEngine, client: DockerClient, box: str) -> None:
    both = ["sh", "-c", "echo out; echo err >&2"]
    with started(engine, client.api.exec_create(box, both)["Id"], {"Tty": True}) as wire:
        assert wire.read_all() == b"out\n"
    with started(engine, client.api.exec_create(box, ["echo", "hi"], tty=True)["Id"]) as wire:
        assert deframed(wire.read_all()) == {1: b"hi\r\n"}


@pytest.mark.seaway_only("dockerd 20.10 takes an exec whose client detached for a failed one, exit code 126")
def test_detach_keys(engine: RunningEngine, client: DockerClient, box: str) -> None:
    began = time.time()
    exec_id = client.api.exec_create(box, ["sh"], tty=True, stdin=True, detach_keys="ctrl-x,y")["Id"]
    with started(engine, exec_id, {"Tty": True}) as wire:
        wire.send(b"echo $((40+2))\n").read_until(b"42")
        wire.send(b"\x10\x11\x18y").read_all()
    assert client.api.exec_inspect(exec_id)["Running"]
    assert actions(engine, box, began) == ["exec_create: sh ", "exec_start: sh ", "exec_detach"]


def test_events(engine: RunningEngine, box: str) -> None:
    began = time.time()
    engine.docker("exec", box, "echo", "a", "b")
    engine.docker("exec", box, "true")
    assert actions(engine, box, began) == [
        "exec_create: echo a b",
        "exec_start: echo a b",
        "exec_die",
        "exec_create: true ",
        "exec_start: true ",
        "exec_die",
    ]


def test_a_terminal_and_its_size(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sh"], tty=True, stdin=True)["Id"]
    with started(engine, exec_id, {"Tty": True}) as wire:
        client.api.exec_resize(exec_id, 41, 123)
        wire.send(b"stty size; tty\n").read_until(b"41 123")
        wire.send(b"exit 4\n").read_all()
    assert wait_ended(client, exec_id)["ExitCode"] == 4
    with terminal(engine, "exec", "-it", box, "sh") as cli:
        cli.type(b"echo $((40+2)); exit 5\r")
        cli.read_until(b"42")
        assert cli.process.wait(20) == 5


@pytest.mark.min_api("1.42")
def test_a_terminals_first_size(engine: RunningEngine, box: str) -> None:
    """crun's execs begin without one, and have it a moment later."""
    command = ["sh", "-c", 'until [ -n "$(stty size 2>/dev/null)" ]; do :; done; stty size']
    body = {"Cmd": command, "Tty": True, "AttachStdout": True, "ConsoleSize": [33, 99]}
    for start, shown in (({"Tty": True}, b"33 99\r\n"), ({"Tty": True, "ConsoleSize": [22, 88]}, b"22 88\r\n")):
        with Wire(engine) as wire:
            wire.send(post(f"/v1.44/containers/{box}/exec", body)).read_until(b"\r\n\r\n")
            exec_id = json.loads(wire.read_until(b"}"))["Id"]
        with Wire(engine) as wire:
            wire.send(post(f"/v1.44/exec/{exec_id}/start", start, UPGRADE)).read_until(b"\r\n\r\n")
            assert wire.read_all() == shown


def test_the_end_of_stdin_is_the_execs(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sh", "-c", "cat; echo over"], stdin=True)["Id"]
    with started(engine, exec_id) as wire:
        assert deframed(wire.send(b"a\n").end().read_all()) == {1: b"a\nover\n"}


def test_a_client_that_goes_away_leaves_its_exec_running(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sleep", "1000"])["Id"]
    started(engine, exec_id).close()
    assert client.api.exec_inspect(exec_id)["Running"]
    assert engine.docker("exec", box, "true").returncode == 0


def test_a_detached_exec_goes_on(engine: RunningEngine, box: str) -> None:
    engine.docker("exec", "-d", box, "sh", "-c", "echo done > /tmp/mark")
    deadline = time.monotonic() + 20
    while engine.docker("exec", box, "cat", "/tmp/mark").stdout != "done\n":
        assert time.monotonic() < deadline


def test_the_containers_end_is_the_execs(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sh", "-c", "echo ready; sleep 1000"])["Id"]
    with started(engine, exec_id) as wire:
        wire.read_until(b"ready\n")
        engine.docker("kill", box)
        assert wire.read_all() == b""


def test_a_hundred_at_once(engine: RunningEngine, box: str) -> None:
    def run(number: int) -> tuple[str, int]:
        done = engine.docker(
            "exec", "-i", box, "sh", "-c", f"cat; exit {number}", input=f"{number}\n" * 100, timeout=120
        )
        return done.stdout, done.returncode

    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(run, range(100))) == [(f"{n}\n" * 100, n) for n in range(100)]


@pytest.mark.seaway_only("the exec monitor is Seaway's")
def test_an_exec_whose_monitor_is_killed_has_ended(engine: RunningEngine, client: DockerClient, box: str) -> None:
    exec_id = client.api.exec_create(box, ["sh", "-c", "echo ready; exec sleep 1000"])["Id"]
    with started(engine, exec_id) as wire:
        wire.read_until(b"ready\n")
        pid = client.api.exec_inspect(exec_id)["Pid"]
        os.kill(monitor_of(engine), signal.SIGKILL)
        assert wire.read_all() == b""
    assert wait_ended(client, exec_id)["ExitCode"] == 137
    assert engine.docker("exec", box, "true").returncode == 0
    assert (
        not Path(f"/proc/{pid}/cmdline").exists() or not Path(f"/proc/{pid}/cmdline").read_bytes()
    )  # a zombie has none


@pytest.mark.seaway_only("a killed engine's execs run on, and the next one knows their exit codes")
def test_an_exec_outlives_its_engine(engine: RunningEngine, box: str) -> None:
    with engine.client() as client:
        lasts = client.api.exec_create(box, ["sleep", "1000"])["Id"]
        ends = client.api.exec_create(box, ["sh", "-c", "sleep 0.5; exit 6"])["Id"]
        for exec_id in (lasts, ends):
            client.api.exec_start(exec_id, detach=True)
        pid = client.api.exec_inspect(lasts)["Pid"]
    engine.kill()
    engine.start()
    with engine.client() as client:
        state = client.api.exec_inspect(lasts)
        assert (state["Running"], state["Pid"]) == (True, pid)
        assert wait_ended(client, ends)["ExitCode"] == 6
        assert lasts in client.api.inspect_container(box)["ExecIDs"]


def monitor_of(engine: RunningEngine) -> int:
    found = subprocess.run(
        ["pgrep", "-f", f"seaway.runtime.execs.monitor {engine.root}/"], capture_output=True, text=True, check=True
    )
    return int(found.stdout)


@pytest.mark.seaway_only("a killed engine's execs run on, and what they say waits for the next one")
def test_an_exec_that_says_much_outlives_its_engine(engine: RunningEngine, box: str) -> None:
    with engine.client() as client:
        exec_id = client.api.exec_create(
            box, ["sh", "-c", "until [ -e /tmp/go ]; do sleep 0.05; done; seq 100000; exit 5"]
        )["Id"]
        client.api.exec_start(exec_id, detach=True)
        pid = client.api.exec_inspect(exec_id)["Pid"]
        monitor = monitor_of(engine)
    engine.kill()
    Path(f"/proc/{pid}/root/tmp/go").touch()
    time.sleep(0.5)
    engine.start()
    with engine.client() as client:
        assert wait_ended(client, exec_id)["ExitCode"] == 5
    assert monitor_of(engine) == monitor


@pytest.mark.seaway_only("the exec monitor is Seaway's")
def test_the_monitor_goes_with_the_last_exec(engine: RunningEngine, box: str) -> None:
    engine.docker("exec", "-d", box, "sleep", "1")
    monitor = monitor_of(engine)
    engine.kill()
    deadline = time.monotonic() + 20
    while is_alive(monitor):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    engine.start()
    assert engine.docker("exec", box, "echo", "on").stdout == "on\n"
