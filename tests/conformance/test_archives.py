"""`docker save` and `docker load`: archives of every age, compressed or not, and what other tools make of them."""

import bz2
import gzip
import io
import json
import lzma
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from backports import zstd

from conformance.archives import BASE, TOP, v1_archive
from conformance.conftest import Restarted
from conformance.engines import RunningEngine


@pytest.fixture
def loads(engine: RunningEngine) -> Iterator[None]:
    yield
    names = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", "archives").stdout.split()
    if names:
        engine.docker("rmi", "-f", *names)


def load(engine: RunningEngine, archive: bytes, folder: Path, *options: str) -> "subprocess.CompletedProcess[str]":
    (folder / "archive").write_bytes(archive)
    return engine.docker("load", *options, "-i", str(folder / "archive"))


def test_an_archive_from_before_1_10(engine: RunningEngine, loads: None, tmp_path: Path) -> None:
    done = load(engine, v1_archive(old=TOP, older=BASE), tmp_path)
    assert done.returncode == 0, done.stderr
    shown = "{{.Id}} {{.Parent}} {{.Config.Env}}"
    top, parent, environment = engine.docker("inspect", "-f", shown, "archives:old").stdout.split()
    base = engine.docker("inspect", "-f", "{{.Id}}", "archives:older").stdout.strip()
    assert top == "sha256:69bcaf170eba339d64039c23364a1a852ff3fa7b6013bc1e9aec0d262fd3cfc2"
    assert (parent, environment) == (base, "[A=1]")
    history = engine.docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", "archives:old").stdout
    assert history.splitlines() == ["touch /b", "/bin/sh -c #(nop) ADD file:1 in / & <x>"]


def test_one_whose_names_lead_nowhere(engine: RunningEngine, loads: None, tmp_path: Path) -> None:
    done = load(engine, v1_archive(bad="3" * 64), tmp_path)
    assert done.returncode == 1
    assert f"invalid target ID: {'3' * 64}" in done.stderr


@pytest.mark.parametrize("compress", [bz2.compress, gzip.compress, lzma.compress, zstd.compress])
def test_compressed(engine: RunningEngine, loads: None, tmp_path: Path, compress: Callable[[bytes], bytes]) -> None:
    if compress is zstd.compress and engine.api_version < (1, 42):
        pytest.skip("dockerd knows zstd since 23")
    engine.docker("tag", "busybox", "archives:packed")
    plain = tmp_path / "plain.tar"
    engine.docker("save", "-o", str(plain), "archives:packed")
    engine.docker("rmi", "archives:packed")
    done = load(engine, compress(plain.read_bytes()), tmp_path)
    assert (done.returncode, done.stdout) == (0, "Loaded image: archives:packed\n"), done.stderr


def test_an_image_keeps_its_parent(engine: RunningEngine, loads: None, tmp_path: Path) -> None:
    """Where the archive has that too."""
    container = engine.docker("create", "busybox", "touch", "/x").stdout.strip()
    engine.docker("start", "-a", container)
    engine.docker("tag", "busybox", "archives:base")
    engine.docker("commit", container, "archives:child")
    engine.docker("rm", container)
    base, child = engine.docker("inspect", "-f", "{{.Id}}", "archives:base", "archives:child").stdout.split()
    both, alone = tmp_path / "both", tmp_path / "alone"
    engine.docker("save", "-o", str(both), "archives:base", "archives:child")
    engine.docker("save", "-o", str(alone), "archives:child")
    engine.docker("rmi", "archives:child")
    engine.docker("load", "-i", str(alone))
    assert engine.docker("inspect", "-f", "{{.Parent}}", child).stdout == "\n"
    engine.docker("load", "-i", str(both))
    assert engine.docker("inspect", "-f", "{{.Parent}}", child).stdout.strip() == base


@pytest.mark.min_api("1.48")
def test_one_platform(engine: RunningEngine, loads: None, tmp_path: Path) -> None:
    """Asked for over the API: Debian's CLI is older than the option."""
    with engine.client() as client:
        api = client.api
        ours = json.dumps(
            {"os": "linux", "architecture": engine.docker("version", "-f", "{{.Server.Arch}}").stdout.strip()}
        )
        other = json.dumps({"os": "linux", "architecture": "s390x"})
        saved = api._get(api._url("/images/busybox/get"), params={"platform": ours})
        assert saved.status_code == 200
        refused = api._get(api._url("/images/busybox/get"), params={"platform": other})
        assert refused.status_code == 404, refused.text
        again = api._post(api._url("/images/load"), params={"platform": ours, "quiet": "1"}, data=saved.content)
        assert "Loaded image: busybox:latest" in again.text
        wrong = api._post(api._url("/images/load"), params={"platform": other, "quiet": "1"}, data=saved.content)
        assert "s390x" in wrong.text


@pytest.mark.min_api("1.48")
def test_one_platform_by_the_cli(engine: RunningEngine, loads: None, tmp_path: Path) -> None:
    if "--platform" not in engine.docker("load", "--help").stdout:
        pytest.skip("the CLI is older than the option")
    ours = "linux/" + engine.docker("version", "-f", "{{.Server.Arch}}").stdout.strip()
    file = tmp_path / "one.tar"
    refused = engine.docker("save", "--platform", "linux/s390x", "-o", str(file), "busybox")
    assert refused.returncode == 1
    assert "image with reference busybox:latest was found but" in refused.stderr
    assert f"its platform ({ours}) does not match the specified platform (linux/s390x)" in refused.stderr
    assert engine.docker("save", "--platform", ours, "-o", str(file), "busybox").returncode == 0
    wrong = engine.docker("load", "--platform", "linux/s390x", "-i", str(file))
    assert wrong.returncode == 1
    assert "requested platform (linux/s390x)" in wrong.stderr
    again = engine.docker("load", "--platform", ours, "-i", str(file))
    assert (again.returncode, again.stdout) == (0, "Loaded image: busybox:latest\n"), again.stderr


def test_skopeo_reads_and_writes(
    restarted: Restarted, loads: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It speaks API 1.22 to every engine, which today's have to be told to accept."""
    monkeypatch.setenv("DOCKER_MIN_API_VERSION", "1.22")
    engine = restarted()
    daemon = engine.host
    out = ["skopeo", "copy", "-q", "--insecure-policy", f"--src-daemon-host={daemon}"]
    subprocess.run([*out, "docker-daemon:busybox:latest", f"dir:{tmp_path}/image"], check=True, timeout=60)
    back = ["skopeo", "copy", "-q", "--insecure-policy", f"--dest-daemon-host={daemon}"]
    subprocess.run([*back, f"dir:{tmp_path}/image", "docker-daemon:archives:skopeo"], check=True, timeout=60)
    images = engine.docker("inspect", "-f", "{{.Id}}", "archives:skopeo", "busybox").stdout.split()
    assert images[0] == images[1]
    assert engine.docker("run", "--rm", "archives:skopeo", "echo", "hi").stdout == "hi\n"


def test_a_containers_platform_is_its_images(engine: RunningEngine) -> None:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("file"))
    command = ["docker", "-H", engine.host, "import", "--platform", "linux/s390x", "-", "foreign"]
    subprocess.run(command, input=content.getvalue(), check=True, capture_output=True)
    body = {"Image": "foreign", "Cmd": ["/x"]}
    with engine.client() as client:
        api = client.api
        url = api._url("/containers/create")
        refused = api._post_json(url, body, params={"platform": "linux/riscv64"})
        assert refused.status_code == 404
        assert "does not match the specified platform" in refused.text
        for params, warns in (({}, True), ({"platform": "linux/s390x"}, False)):
            made = api._post_json(url, body, params=params).json()
            text = "(linux/s390x) does not match the detected host platform"
            assert any(text in warning for warning in made["Warnings"]) is warns
            engine.docker("rm", made["Id"])
    engine.docker("rmi", "foreign")
