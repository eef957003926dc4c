"""What `docker events` tells of images, in its order."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine, busybox_tar
from conformance.registries import docker_registry

PORT = 5016


@pytest.fixture
def registry(engine: RunningEngine, tmp_path: Path) -> Iterator[str]:
    with docker_registry(engine.namespace, tmp_path / "registry", PORT) as address:
        yield address


def told(engine: RunningEngine, since: str, *keys: str) -> list[tuple[str, ...]]:
    """Of each image's event the action, and these attributes."""
    flags = ("--since", since, "--until", f"{time.time():.9f}", "--filter", "type=image", "--format", "{{json .}}")
    found = [json.loads(line) for line in engine.docker("events", *flags).stdout.splitlines()]
    return [(each["Action"], *(each["Actor"]["Attributes"].get(key, "") for key in keys)) for each in found]


def image_id(engine: RunningEngine, name: str) -> str:
    return engine.docker("image", "inspect", "-f", "{{.Id}}", name).stdout.strip()


def test_to_a_registry_and_back(engine: RunningEngine, registry: str) -> None:
    name, began, id = f"{registry}/ev:1", f"{time.time():.9f}", image_id(engine, "busybox")
    for command in (("tag", "busybox", name), ("push", name), ("rmi", name), ("pull", name), ("rmi", name)):
        assert engine.docker(*command).returncode == 0
    assert told(engine, began, "name") == [
        ("tag", name),
        ("push", f"{registry}/ev"),
        ("untag", id),
        ("pull", f"{registry}/ev"),
        ("untag", id),
    ]


def test_as_files(engine: RunningEngine, tmp_path: Path) -> None:
    began, file = f"{time.time():.9f}", str(tmp_path / "saved.tar")
    command = ["docker", "-H", engine.host, "import", "-c", "LABEL a=b", "-", "ev:1"]
    subprocess.run(command, input=busybox_tar(marker="events"), check=True, capture_output=True)
    id = image_id(engine, "ev:1")
    for arguments in (("save", "-o", file, "ev:1"), ("rmi", "ev:1"), ("load", "-i", file), ("rmi", "ev:1")):
        assert engine.docker(*arguments).returncode == 0
    assert told(engine, began, "name") == [
        ("tag", "ev:1"),
        *((action, id) for action in ("import", "save", "untag", "delete", "load", "untag", "delete")),
    ]
    labelled = [label for action, label in told(engine, began, "a") if action != "delete"]
    assert labelled == ["b"] * 6
