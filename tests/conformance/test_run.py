"""`docker run` and what goes with it, through the real CLI."""

import json
import time

import pytest

from conformance.conftest import RunningEngine


def test_output_and_exit_code(engine: RunningEngine) -> None:
    done = engine.docker("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


def test_stdin_is_closed_at_its_end(engine: RunningEngine) -> None:
    done = engine.docker("run", "-i", "--rm", "busybox", "cat", input="data\n")
    assert (done.stdout, done.returncode) == ("data\n", 0)


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [("nosuch", 127, "executable file not found in $PATH"), ("/etc/passwd", 126, "permission denied")],
)
def test_what_cannot_be_run(engine: RunningEngine, command: str, code: int, text: str) -> None:
    done = engine.docker("run", "--rm", "busybox", command)
    assert done.returncode == code
    assert text in done.stderr
    assert engine.docker("ps", "-aq", "--filter", "status=created").stdout == ""


def test_user_environment_and_directory(engine: RunningEngine) -> None:
    done = engine.docker(
        "run", "--rm", "-u", "web", "-e", "A=1", "-w", "/tmp", "busybox", "sh", "-c", "id -u; id -g; echo $A $HOME $PWD"
    )
    assert done.stdout.split() == ["33", "34", "1", "/tmp", "/tmp"]


def test_logs_after_the_end(engine: RunningEngine) -> None:
    engine.docker("run", "--name", "logs1", "busybox", "seq", "1000")
    assert engine.docker("logs", "logs1").stdout == "".join(f"{n}\n" for n in range(1, 1001))
    assert engine.docker("logs", "--tail", "2", "logs1").stdout == "999\n1000\n"
    engine.docker("rm", "logs1")


def test_names_conflict_and_are_found(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "taken", "busybox", "true")
    again = engine.docker("create", "--name", "taken", "busybox", "true")
    assert 'Conflict. The container name "/taken" is already in use' in again.stderr
    assert json.loads(engine.docker("inspect", "taken").stdout)[0]["State"]["Status"] == "created"
    assert engine.docker("rm", "taken").returncode == 0
    assert "No such container: taken" in engine.docker("rm", "taken").stderr


def test_stop_kill_and_remove(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "life", "busybox", "sleep", "1000")
    refusal = engine.words(
        "container is running: stop the container before removing", old="Stop the container before attempting removal"
    )
    assert refusal in engine.docker("rm", "life").stderr
    engine.docker("stop", "-t", "0", "life")
    assert json.loads(engine.docker("inspect", "life").stdout)[0]["State"]["ExitCode"] == 137
    engine.docker("start", "life")
    assert engine.docker("rm", "-f", "life").returncode == 0


def test_on_failure_restarts_as_often_as_asked(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "again", "--restart", "on-failure:2", "busybox", "sh", "-c", "exit 3")
    deadline = time.monotonic() + 20
    while (state := json.loads(engine.docker("inspect", "again").stdout)[0])["State"]["Status"] != "exited":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (state["RestartCount"], state["State"]["ExitCode"]) == (2, 3)
    engine.docker("rm", "again")


def test_a_published_port_is_bound_once(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "web1", "-p", "18080:80", "busybox", "sleep", "100")
    assert engine.docker("port", "web1").stdout.splitlines()[0] == "80/tcp -> 0.0.0.0:18080"
    second = engine.docker("run", "-d", "--name", "web2", "-p", "18080:80", "busybox", "sleep", "100")
    assert second.returncode == 125
    assert "Bind for 0.0.0.0:18080 failed: port is already allocated" in second.stderr
    engine.docker("rm", "-f", "web1", "web2")


@pytest.mark.seaway_only("a killed engine loses no container and no line, without --live-restore too")
def test_a_killed_engine_loses_nothing(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "ends", "busybox", "sh", "-c", "sleep 1; echo late; exit 5")
    engine.docker("run", "-d", "--name", "stays", "busybox", "sleep", "1000")
    engine.kill()
    time.sleep(1.5)
    engine.start()
    assert engine.docker("wait", "ends").stdout == "5\n"
    assert engine.docker("logs", "ends").stdout == "late\n"
    assert engine.docker("inspect", "-f", "{{.State.Running}}", "stays").stdout == "true\n"
    assert engine.docker("stop", "-t", "0", "stays").returncode == 0
    engine.docker("rm", "ends", "stays")


def test_save_and_load_give_the_same_image(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("save") / "image.tar"
    image = engine.docker("images", "-q", "--no-trunc", "busybox").stdout
    engine.docker("tag", "busybox", "copy:1")
    assert engine.docker("save", "-o", str(file), "copy:1").returncode == 0
    assert "Untagged: copy:1" in engine.docker("rmi", "copy:1").stdout
    assert "Loaded image: copy:1" in engine.docker("load", "-i", str(file)).stdout
    assert engine.docker("images", "-q", "--no-trunc", "copy").stdout == image
    engine.docker("rmi", "copy:1")


def test_exec_with_streams_user_and_code(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "host1", "busybox", "sleep", "1000")
    done = engine.docker(
        "exec", "-i", "-u", "web", "-e", "A=2", "host1", "sh", "-c", "cat; id -u; echo $A; exit 9", input="in\n"
    )
    assert (done.stdout.split(), done.returncode) == (["in", "33", "2"], 9)
    missing = engine.docker("exec", "host1", "nosuch")
    assert missing.returncode == int(engine.words("127", old="126"))
    assert "executable file not found" in missing.stdout + missing.stderr
    engine.docker("stop", "-t", "0", "host1")
    assert "is not running" in engine.docker("exec", "host1", "true").stderr
    engine.docker("rm", "host1")


def test_volumes_and_binds_keep_what_is_written(
    engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory
) -> None:
    shared = tmp_path_factory.mktemp("shared")
    engine.docker(
        "run",
        "--rm",
        "-v",
        "kept:/data",
        "-v",
        f"{shared}:/host",
        "busybox",
        "sh",
        "-c",
        "echo v >/data/f; echo b >/host/f",
    )
    assert (shared / "f").read_text() == "b\n"
    read = engine.docker("run", "--rm", "-v", "kept:/data:ro", "busybox", "sh", "-c", "cat /data/f; echo x >/data/f")
    assert read.stdout == "v\n"
    assert "Read-only file system" in read.stderr
    engine.docker("create", "--name", "holds", "-v", "kept:/data", "busybox", "true")
    assert "volume is in use - [" in engine.docker("volume", "rm", "kept").stderr
    engine.docker("rm", "holds")
    assert engine.docker("volume", "rm", "kept").stdout == "kept\n"
    missing = engine.docker("run", "--rm", "--mount", "type=bind,src=/no/such,dst=/x", "busybox", "true")
    assert "bind source path does not exist: /no/such" in missing.stderr


def test_anonymous_volumes_go_with_their_container(engine: RunningEngine) -> None:
    before = engine.docker("volume", "ls", "-q").stdout
    engine.docker("run", "--rm", "-v", "/data", "busybox", "true")
    assert engine.docker("volume", "ls", "-q").stdout == before


def test_info_has_true_figures(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "counted", "busybox", "true")
    info = json.loads(engine.docker("info", "-f", "{{json .}}").stdout)
    assert info["Containers"] == len(engine.docker("ps", "-aq").stdout.split())
    assert info["ContainersStopped"] == len(
        engine.docker("ps", "-aq", "-f", "status=created", "-f", "status=exited").stdout.split()
    )
    assert info["Images"] == len(set(engine.docker("images", "-q").stdout.split()))
    assert info["DockerRootDir"] == str(engine.data_root)
    assert info["DefaultRuntime"] in info["Runtimes"]
    engine.docker("rm", "counted")
