"""`docker commit`: what a container changed becomes a layer, and nothing else does."""

import json
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import RunningEngine


@pytest.fixture
def commits(engine: RunningEngine) -> Iterator[str]:
    """The repository of this test's images; they go afterwards."""
    name = f"commits-{time.time_ns()}"
    yield name
    if ids := engine.docker("images", "-q", name).stdout.split():
        engine.docker("rmi", "-f", *ids)


def inspect(engine: RunningEngine, image: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(engine.docker("image", "inspect", image).stdout)[0]
    return found


def changed(engine: RunningEngine, script: str, image: str = "busybox") -> str:
    """The ID of a container in which the script ran."""
    container = engine.docker("create", image, "sh", "-c", script).stdout.strip()
    done = engine.docker("start", "-a", container)
    assert done.returncode == 0, done.stderr
    return container


def top_layer(engine: RunningEngine, image: str, folder: Path) -> dict[str, tarfile.TarInfo]:
    engine.docker("save", "-o", str(folder / "image.tar"), image)
    with tarfile.open(folder / "image.tar") as archive:
        manifest = archive.extractfile("manifest.json")
        assert manifest
        layer = archive.extractfile(json.load(manifest)[0]["Layers"][-1])
        with tarfile.open(fileobj=layer) as inner:
            return {member.name: member for member in inner}


def test_what_is_said_of_it(engine: RunningEngine, commits: str) -> None:
    container = changed(engine, "echo hi > /tmp/f")
    options = ["-a", "Ann <ann@example.org>", "-m", "a message", "-c", "ENV A=1", "-c", 'CMD ["cat", "/tmp/f"]']
    done = engine.docker("commit", *options, container, f"{commits}:1")
    image, parent = inspect(engine, f"{commits}:1"), inspect(engine, "busybox")
    assert done.stdout.strip() == image["Id"]
    assert (image["Author"], image["Comment"], image["Parent"]) == ("Ann <ann@example.org>", "a message", parent["Id"])
    assert image["RootFS"]["Layers"][:-1] == parent["RootFS"]["Layers"]
    assert (image["Config"]["Env"], image["Config"]["Cmd"]) == (["A=1"], ["cat", "/tmp/f"])
    history = engine.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", commits + ":1").stdout
    assert history.splitlines()[0] == "sh -c echo hi > /tmp/f|a message"
    assert engine.docker("run", "--rm", f"{commits}:1").stdout == "hi\n"


def test_what_is_in_its_layer(engine: RunningEngine, commits: str, tmp_path: Path) -> None:
    script = "mkdir -p /gone /over/sub /kept; touch /gone/x /over/old /over/sub/y /kept/a"
    engine.docker("commit", changed(engine, script), f"{commits}:base")
    script = (
        "rm -r /gone; rm -r /over; mkdir /over; touch /over/new; busybox ln /kept/a /kept/b; busybox ln -s a /kept/l;"
        " busybox mkfifo /kept/p; busybox chown 12:34 /kept/a; busybox chmod 4711 /kept/a; rm /kept/none 2>&1 || true"
    )
    engine.docker("commit", changed(engine, script, f"{commits}:base"), f"{commits}:top")
    layer = top_layer(engine, f"{commits}:top", tmp_path)
    assert list(layer) == [
        ".wh.gone",
        "kept",
        "kept/a",
        "kept/b",
        "kept/l",
        "kept/p",
        "over",
        "over/.wh..wh..opq",
        "over/new",
    ]
    a, b = layer["kept/a"], layer["kept/b"]
    assert (a.mode & 0o7777, a.uid, a.gid, a.isreg()) == (0o4711, 12, 34, True)
    assert (b.islnk(), b.linkname) == (True, "kept/a")
    assert (layer["kept/l"].linkname, layer["kept/p"].isfifo()) == ("a", True)
    done = engine.docker("run", "--rm", f"{commits}:top", "sh", "-c", "ls -d /gone /over/*; ls /kept")
    assert done.stdout.split() == ["/over/new", "a", "b", "l", "p"]


def test_nothing_changed(engine: RunningEngine, commits: str) -> None:
    container = engine.docker("create", "busybox", "true").stdout.strip()
    engine.docker("commit", container, f"{commits}:same")
    assert inspect(engine, f"{commits}:same")["RootFS"] == inspect(engine, "busybox")["RootFS"]
    assert inspect(engine, f"{commits}:same")["Id"] != inspect(engine, "busybox")["Id"]


@pytest.mark.parametrize(("flag", "paused"), [("--pause=true", ["pause", "unpause"]), ("--pause=false", [])])
def test_a_running_one_is_paused_meanwhile(engine: RunningEngine, commits: str, flag: str, paused: list[str]) -> None:
    container = engine.docker("run", "-d", "busybox", "sleep", "600").stdout.strip()
    since = str(time.time())
    engine.docker("commit", flag, container, f"{commits}:live")
    events = engine.docker(
        "events", "--since", since, "--until", str(time.time() + 0.1), "--filter", f"container={container}",
        "--format", "{{.Action}} {{index .Actor.Attributes \"imageRef\"}}",
    )  # fmt: skip
    assert [line.strip() for line in events.stdout.splitlines()] == [*paused[:1], f"commit {commits}:live", *paused[1:]]
    assert engine.docker("inspect", "-f", "{{.State.Status}}", container).stdout.strip() == "running"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nosuch", "x"], "No such container: nosuch"),
        (["{c}", "UPPER"], "must be lowercase"),
        (["-c", "FROM x", "{c}", "x"], "from is not a valid change command"),
    ],
)
def test_what_is_refused(engine: RunningEngine, arguments: list[str], said: str) -> None:
    container = engine.docker("create", "busybox", "true").stdout.strip()
    done = engine.docker("commit", *(a.format(c=container) for a in arguments))
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ("ENTRYPOINT /run", "Cmd", None),
        ("CMD a", "Cmd", ["/bin/sh", "-c", "a"]),
        ("ENV X=$A-y", "Env", ["A=two words", "X=two words-y"]),
        ("EXPOSE 8080:80/TCP", "ExposedPorts", {"80/tcp": {}}),
        ('USER "me"', "User", "me"),
        ("HEALTHCHECK --interval=5s --retries=2 CMD x", "Healthcheck", {"Test": ["CMD-SHELL", "x"], "Interval": 5000000000, "Retries": 2}),
    ],
)  # fmt: skip
def test_changes(engine: RunningEngine, commits: str, change: str, key: str, value: object) -> None:
    container = engine.docker("create", "-e", "A=two words", "busybox", "sh").stdout.strip()
    engine.docker("commit", "-c", change, container, f"{commits}:changed")
    config = json.loads(engine.docker("image", "inspect", "-f", "{{json .Config}}", f"{commits}:changed").stdout)
    engine.docker("rm", container)
    own = [entry for entry in config["Env"] if not entry.startswith("PATH=")]
    assert (own if key == "Env" else config.get(key)) == value
