"""`docker import`, `save` and `load` as the CLI calls them."""

import json
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import RunningEngine, busybox_tar
from conformance.registries import listening

PORT = 5018
FAMILY = ("made:child", "made:1", "made:2")


@pytest.fixture
def made(engine: RunningEngine) -> Iterator[None]:
    """Takes the images `made:…` away."""
    yield
    engine.docker("rmi", *FAMILY)


def imported(engine: RunningEngine, *arguments: str, content: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    command = ["docker", "-H", engine.host, "import", *arguments]
    return subprocess.run(command, input=content, capture_output=True, check=False)


def shown(engine: RunningEngine, name: str) -> Any:
    return json.loads(engine.docker("image", "inspect", name).stdout)[0]


def test_import_from_standard_input(engine: RunningEngine, made: None) -> None:
    changes = ("CMD echo hi", "ENV A=1 B=2", "LABEL x=y", "EXPOSE 80/tcp", "USER web", "WORKDIR /tmp", "VOLUME /data")
    flags = [word for change in changes for word in ("-c", change)]
    done = imported(engine, *flags, "-m", "a tree", "-", "made:1", content=busybox_tar(marker="import"))
    image = shown(engine, "made:1")
    assert done.stdout.decode().strip() == image["Id"]
    assert image["Comment"] == "a tree"
    config = image["Config"]
    assert config["Cmd"] == ["/bin/sh", "-c", "echo hi"]
    assert {"A=1", "B=2"} <= set(config["Env"])
    assert (config["Labels"], config["ExposedPorts"], config["Volumes"]) == ({"x": "y"}, {"80/tcp": {}}, {"/data": {}})
    assert (config["User"], config["WorkingDir"]) == ("web", "/tmp")
    history = engine.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}|{{.Comment}}", "made:1").stdout
    assert history == "|a tree\n"
    assert engine.docker("run", "--rm", "made:1").stdout == "hi\n"


def test_import_from_an_address(engine: RunningEngine, made: None, tmp_path: Path) -> None:
    (tmp_path / "tree.tar").write_bytes(busybox_tar(marker="address"))
    server = [sys.executable, "-m", "http.server", "-b", "127.0.0.1", "-d", str(tmp_path), str(PORT)]
    with listening(engine.namespace, server, PORT):
        done = imported(engine, f"http://127.0.0.1:{PORT}/tree.tar", "made:1")
        assert f"Downloading from http://127.0.0.1:{PORT}/tree.tar" in done.stdout.decode()
        image = shown(engine, "made:1")
        assert done.stdout.decode().strip().endswith(image["Id"])
        assert image["Comment"] == f"Imported from http://127.0.0.1:{PORT}/tree.tar"
        absent = imported(engine, f"http://127.0.0.1:{PORT}/nosuch.tar")
        assert (absent.returncode, b"404" in absent.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "content", "text"),
    [
        (("-c", "RUN true", "-"), b"", "run is not a valid change command"),
        (("-", "Made:1"), b"", "must be lowercase"),
        (("-",), b"no tar at all" * 100, "invalid tar header"),
    ],
)
def test_what_import_refuses(engine: RunningEngine, arguments: tuple[str, ...], content: bytes, text: str) -> None:
    before = set(engine.docker("images", "-aq").stdout.split())
    done = imported(engine, *arguments, content=content)
    assert (done.returncode, text in done.stderr.decode()) == (1, True), done.stderr
    assert set(engine.docker("images", "-aq").stdout.split()) == before


@pytest.fixture
def family(engine: RunningEngine, made: None) -> str:
    """made:1 and made:2 are one image, made:child has a layer more. Its ID."""
    imported(engine, "-", "made:1", content=busybox_tar(marker="family"))
    engine.docker("tag", "made:1", "made:2")
    engine.docker("run", "--name", "maker", "made:1", "touch", "/more")
    engine.docker("commit", "maker", "made:child")
    engine.docker("rm", "maker")
    return str(shown(engine, "made:child")["Id"])


def save(engine: RunningEngine, *names: str) -> bytes:
    return subprocess.run(["docker", "-H", engine.host, "save", *names], capture_output=True, check=True).stdout


def test_several_are_saved_with_all_their_names_and_each_layer_once(engine: RunningEngine, family: str) -> None:
    archive = save(engine, "made:1", "made:2", "made:child")
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        manifest = json.load(tar.extractfile("manifest.json") or BytesIO())
        layers = {layer for entry in manifest for layer in entry["Layers"]}
        files = [member for member in tar if member.name in layers and member.isreg()]
    assert sorted(sorted(entry["RepoTags"]) for entry in manifest) == [["made:1", "made:2"], ["made:child"]]
    assert len(files) == 2
    engine.docker("rmi", *FAMILY)
    done = subprocess.run(["docker", "-H", engine.host, "load"], input=archive, capture_output=True, check=True)
    loaded = [line for line in done.stdout.decode().splitlines() if line.startswith("Loaded")]
    assert sorted(loaded) == [f"Loaded image: made:{tag}" for tag in ("1", "2", "child")]
    assert shown(engine, "made:child")["Id"] == family


def test_an_image_is_saved_to_the_same_bytes_each_time(engine: RunningEngine, family: str) -> None:
    assert save(engine, "made:1", "made:child") == save(engine, "made:1", "made:child")


@pytest.mark.min_api("1.44")
def test_and_so_is_what_was_loaded(engine: RunningEngine, family: str) -> None:
    archive = save(engine, *FAMILY)
    engine.docker("rmi", *FAMILY)
    subprocess.run(["docker", "-H", engine.host, "load", "-q"], input=archive, capture_output=True, check=True)
    assert save(engine, *FAMILY) == archive


def test_progress_of_a_load_and_none_for_the_quiet(engine: RunningEngine, family: str) -> None:
    archive = save(engine, "made:1")
    curl = ["curl", "-s", "--unix-socket", engine.host.removeprefix("unix://"), "-H", "Content-Type: application/x-tar"]
    told = {}
    for quiet in ("0", "1"):
        engine.docker("rmi", *FAMILY)
        load = [*curl, "--data-binary", "@-", f"http://docker/v1.41/images/load?quiet={quiet}"]
        done = subprocess.run(load, input=archive, capture_output=True, check=True)
        told[quiet] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line.get("stream") for line in told["1"]] == ["Loaded image: made:1\n"]
    assert {line.get("status") for line in told["0"]} >= {"Loading layer"}
    assert told["0"][-1] == {"stream": "Loaded image: made:1\n"}
