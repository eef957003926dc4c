"""pull, push and login against a real registry, through the real CLI."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.registries import docker_registry

PORT = 5000


@pytest.fixture(scope="module")
def registry(engine: RunningEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with docker_registry(engine.namespace, tmp_path_factory.mktemp("registry"), PORT) as address:
        yield address


@pytest.fixture
def image(engine: RunningEngine, request: pytest.FixtureRequest) -> Iterator[str]:
    """An image of this test's own: two layers, the lower one busybox's."""
    name = re.sub(r"[^a-z0-9]+", "-", request.node.name.lower()).strip("-")
    engine.docker("run", "--name", name, "busybox", "sh", "-c", f"echo {name} > /tmp/name")
    assert engine.docker("commit", name, name).returncode == 0
    engine.docker("rm", name)
    yield name
    forget(engine, name)


def forget(engine: RunningEngine, *patterns: str) -> None:
    names = engine.docker("images", "--format", "{{.Repository}}:{{.Tag}}", "--no-trunc").stdout.split()
    wanted = [n for n in names if any(p in n for p in patterns)]
    if wanted:
        engine.docker("rmi", "-f", *wanted)


def lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip()]


def short_ids(engine: RunningEngine, image: str) -> list[str]:
    layers = json.loads(engine.docker("image", "inspect", "-f", "{{json .RootFS.Layers}}", image).stdout)
    return [layer.removeprefix("sha256:")[:12] for layer in layers]


def test_push_then_pull_as_dockerd_prints_them(engine: RunningEngine, registry: str, image: str) -> None:
    name = f"{registry}/{image}"
    engine.docker("tag", image, f"{name}:1")
    image_id = engine.docker("inspect", "-f", "{{.Id}}", image).stdout
    pushed = lines(engine.docker("push", f"{name}:1").stdout)
    ids = short_ids(engine, image)
    assert pushed[0] == f"The push refers to repository [{name}]"
    assert pushed[1 : 1 + len(ids)] == [f"{i}: Preparing" for i in reversed(ids)]
    assert sorted(pushed[1 + len(ids) : -1]) == sorted(f"{i}: Pushed" for i in ids)
    found = re.fullmatch(r"1: digest: (sha256:[0-9a-f]{64}) size: (\d+)", pushed[-1])
    assert found
    assert f"{name}@{found[1]}" in engine.docker("inspect", "-f", "{{json .RepoDigests}}", image).stdout

    again = lines(engine.docker("push", f"{name}:1").stdout)
    assert sorted(again[1 + len(ids) : -1]) == sorted(f"{i}: Layer already exists" for i in ids)
    assert again[-1] == pushed[-1]

    engine.docker("rmi", f"{name}:1", image)
    pulled = lines(engine.docker("pull", f"{name}:1").stdout)
    assert pulled[0] == "1: Pulling from " + image
    assert pulled[-3:] == [f"Digest: {found[1]}", f"Status: Downloaded newer image for {name}:1", f"{name}:1"]
    assert [line.partition(": ")[2] for line in pulled[1:-3]] == [
        "Already exists",
        "Pulling fs layer",
        "Verifying Checksum",
        "Download complete",
        "Pull complete",
    ]
    assert engine.docker("inspect", "-f", "{{.Id}}", f"{name}:1").stdout == image_id
    assert engine.docker("run", "--rm", f"{name}:1", "cat", "/tmp/name").stdout == f"{image}\n"
    assert lines(engine.docker("pull", f"{name}:1").stdout)[1:] == [
        f"Digest: {found[1]}",
        f"Status: Image is up to date for {name}:1",
        f"{name}:1",
    ]


def test_what_a_program_learns_of_a_push(engine: RunningEngine, registry: str, image: str) -> None:
    """Progress as JSON: every layer by its ID, the manifest's digest and size in `aux`."""
    name = f"{registry}/{image}"
    engine.docker("tag", image, f"{name}:1")
    with engine.client() as client:
        told = list(client.api.push(name, "1", stream=True, decode=True))
    pushed = []
    for layer in short_ids(engine, image):
        of_layer = [line["status"] for line in told if line.get("id") == layer]
        assert of_layer[0] == "Preparing"
        if of_layer[-1].startswith("Mounted from "):
            continue  # from another test's repository
        assert of_layer[-1] == "Pushed"
        sizes = [line["progressDetail"]["total"] for line in told if line.get("id") == layer and line["progressDetail"]]
        assert sizes
        assert min(sizes) > 0
        pushed.append(layer)
    assert pushed
    [aux] = [line["aux"] for line in told if "aux" in line]
    assert told[-2]["status"] == f"1: digest: {aux['Digest']} size: {aux['Size']}"
    assert {**aux, "Tag": "1"} == aux


def test_by_digest(engine: RunningEngine, registry: str, image: str) -> None:
    name = f"{registry}/{image}"
    engine.docker("tag", image, f"{name}:1")
    digest = lines(engine.docker("push", f"{name}:1").stdout)[-1].split()[2]
    engine.docker("rmi", f"{name}:1", image)
    pulled = lines(engine.docker("pull", f"{name}@{digest}").stdout)
    assert pulled[0] == f"{name}@{digest}: Pulling from {image}"
    assert pulled[-2:] == [f"Status: Downloaded newer image for {name}@{digest}", f"{name}@{digest}"]
    assert engine.docker("run", "--rm", f"{name}@{digest}", "true").returncode == 0
    assert engine.docker("rmi", f"{name}@{digest}").returncode == 0
    assert engine.docker("image", "inspect", f"{name}@{digest}").returncode == 1


def test_all_tags(engine: RunningEngine, registry: str, image: str) -> None:
    name = f"{registry}/{image}"
    for tag in ("a", "b"):
        engine.docker("tag", image, f"{name}:{tag}")
    pushed = lines(engine.docker("push", "-a", name).stdout)
    assert [line.partition(":")[0] for line in pushed if ": digest: " in line] == ["a", "b"]
    engine.docker("rmi", f"{name}:a", f"{name}:b")
    pulled = lines(engine.docker("pull", "-a", name).stdout)
    assert sorted(line for line in pulled if "Pulling from" in line) == [f"{t}: Pulling from {image}" for t in "ab"]
    tags = engine.docker("images", name, "--format", "{{.Tag}}").stdout.split()
    assert sorted(tags) == ["a", "b"]


def test_a_layer_of_another_repository_is_mounted(engine: RunningEngine, registry: str, image: str) -> None:
    first, second = f"{registry}/{image}:1", f"{registry}/elsewhere/{image}:1"
    for name in (first, second):
        engine.docker("tag", image, name)
    engine.docker("push", first)
    pushed = lines(engine.docker("push", second).stdout)
    assert sum(line.endswith(f"Mounted from {image}") for line in pushed) == len(short_ids(engine, image))
    assert not any(line.endswith("Pushed") for line in pushed)


@pytest.mark.min_api("1.44")
def test_an_index_has_the_image_of_the_platform(
    engine: RunningEngine, registry: str, image: str, tmp_path: Path
) -> None:
    host = engine.docker("version", "-f", "{{.Server.Arch}}").stdout.strip()
    entries = []
    for arch in (host, "s390x"):
        name = f"{registry}/{image}:{arch}"
        (tmp_path / "file").write_text("")
        tar = subprocess.run(["tar", "-cC", str(tmp_path), "file"], capture_output=True, check=True).stdout
        command = ["docker", "-H", engine.host, "import", "--platform", f"linux/{arch}", "-", name]
        subprocess.run(command, input=tar, check=True, capture_output=True)
        pushed = lines(engine.docker("push", name).stdout)[-1].split()
        entries.append(
            {
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "digest": pushed[2],
                "size": int(pushed[4]),
                "platform": {"os": "linux", "architecture": arch},
            }
        )
        engine.docker("rmi", name)
    put_index(engine, registry, image, entries)
    for platform, arch in (([], host), (["--platform", "linux/s390x"], "s390x")):
        assert engine.docker("pull", *platform, f"{registry}/{image}:index").returncode == 0
        assert engine.docker("inspect", "-f", "{{.Architecture}}", f"{registry}/{image}:index").stdout.strip() == arch
    refused = engine.docker("pull", "--platform", "linux/mips64", f"{registry}/{image}:index").stderr
    assert "no matching manifest for linux/mips64 in the manifest list entries" in refused
    url = f"http://d/distribution/{registry}/{image}:index/json"
    inspected = json.loads(
        subprocess.run(
            ["curl", "-s", "--unix-socket", engine.host.removeprefix("unix://"), url],
            capture_output=True,
            check=True,
        ).stdout
    )
    assert [p["architecture"] for p in inspected["Platforms"]] == [host, "s390x"]


def put_index(engine: RunningEngine, registry: str, image: str, entries: list[dict[str, object]]) -> None:
    kind = "application/vnd.docker.distribution.manifest.list.v2+json"
    document = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries})
    command = ["nsenter", f"--net=/run/netns/{engine.namespace}", "curl", "-fs", "-X", "PUT"]
    command += ["-H", f"Content-Type: {kind}", "-d", document, f"http://{registry}/v2/{image}/manifests/index"]
    subprocess.run(command, check=True)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{r}/nosuch:1", "manifest for {r}/nosuch:1 not found: manifest unknown: manifest unknown"),
        ("127.0.0.1:1/x:1", 'Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused'),
        ("{r}/UPPER", "must be lowercase"),
        ("scratch", "'scratch' is a reserved name"),
    ],
)
def test_what_cannot_be_pulled(engine: RunningEngine, registry: str, name: str, said: str) -> None:
    done = engine.docker("pull", name.format(r=registry))
    assert done.returncode == 1
    assert said.format(r=registry) in done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{r}/nothing-here", "An image does not exist locally with the tag: {r}/nothing-here"),
        ("{r}/{i}:other", "tag does not exist: {r}/{i}:other"),
    ],
)
def test_what_cannot_be_pushed(engine: RunningEngine, registry: str, image: str, name: str, said: str) -> None:
    engine.docker("tag", image, f"{registry}/{image}:1")
    done = engine.docker("push", name.format(r=registry, i=image))
    assert done.returncode == 1
    assert said.format(r=registry, i=image) in done.stderr
