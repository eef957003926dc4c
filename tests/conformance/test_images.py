"""`docker images` and `docker image inspect`, as the versions of the API have them."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.conftest import RunningEngine
from conformance.engines import parse_version
from conformance.options import call

VERSIONS = ("1.24", "1.41", "1.42", "1.43", "1.44", "1.47", "1.48", "1.50", "1.51")


@pytest.fixture
def family(engine: RunningEngine) -> Iterator[dict[str, str]]:
    """IDs of `base`, of `child`, which adds 5 bytes to it, and of `nameless`, which adds none. One container has `child`."""
    base = _id(engine, "busybox")
    for name, command in (("child", "echo 1234 > /five"), ("nameless", "true")):
        engine.docker("run", "--name", f"maker-{name}", "busybox", "sh", "-c", command)
    child = engine.docker("commit", "maker-child", "child:1").stdout.strip()
    nameless = engine.docker("commit", "-m", "nameless", "maker-nameless").stdout.strip()
    engine.docker("rm", "maker-child", "maker-nameless")
    user = engine.docker("create", "child:1").stdout.strip()
    yield {"base": base, "child": child, "nameless": nameless}
    engine.docker("rm", user)
    engine.docker("rmi", "child:1", nameless)


def _id(engine: RunningEngine, name: str) -> str:
    return engine.docker("image", "inspect", "-f", "{{.Id}}", name).stdout.strip()


def listed(engine: RunningEngine, version: str, query: str = "") -> dict[str, Any]:
    """By ID."""
    status, images = call(engine, "GET", f"/images/json{query}", version=version)
    assert status == 200, images
    return {image["Id"]: image for image in images}


def spoken(engine: RunningEngine) -> list[str]:
    return [version for version in VERSIONS if parse_version(version) <= engine.api_version]


def test_every_version_has_its_sizes_names_and_counts(engine: RunningEngine, family: dict[str, str]) -> None:
    for version in spoken(engine):
        number = parse_version(version)
        images = listed(engine, version, "?shared-size=1&manifests=1")
        base, child, nameless = (images[family[name]] for name in ("base", "child", "nameless"))
        assert child["Size"] == base["Size"] + 5
        assert nameless["Size"] == base["Size"]
        assert child["ParentId"] == family["base"]
        for image in (base, child, nameless):
            shared = base["Size"] if number >= (1, 42) else -1
            assert (version, image["SharedSize"]) == (version, shared)
            assert (version, image.get("VirtualSize")) == (version, image["Size"] if number < (1, 44) else None)
            # for stores that keep an image's manifests, which overlay2's does not
            assert not {"Manifests", "Descriptor"} & image.keys()
        counts = (0, 1, 0) if number >= (1, 51) else (-1, -1, -1)
        assert (version, *(each["Containers"] for each in (base, child, nameless))) == (version, *counts)
        none = (["<none>:<none>"], ["<none>@<none>"]) if number < (1, 43) else ([], [])
        assert (version, nameless["RepoTags"] or [], nameless["RepoDigests"] or []) == (version, *none)
        unasked = listed(engine, version)[family["child"]]
        assert unasked["SharedSize"] == -1


def test_disk_usage_has_true_sizes_at_every_version(engine: RunningEngine, family: dict[str, str]) -> None:
    for version in spoken(engine):
        if parse_version(version) < (1, 25):
            continue
        usage = call(engine, "GET", "/system/df", version=version)[1]
        images = {image["Id"]: image for image in usage["Images"]}
        base, child = images[family["base"]], images[family["child"]]
        assert (base["SharedSize"], child["SharedSize"]) == (base["Size"], base["Size"])
        assert child["Containers"] == 1
        # each layer once, of others' images too
        own = sum(each["Size"] - each["SharedSize"] for each in images.values())
        assert own + base["Size"] <= usage["LayersSize"] < sum(each["Size"] for each in images.values())


def test_the_filter_of_old(engine: RunningEngine, family: dict[str, str]) -> None:
    assert set(listed(engine, "1.40", "?filter=child")) == {family["child"]}
    assert set(listed(engine, "1.41", "?filter=child")) > {family["child"]}


@pytest.mark.min_cli("1.47")
def test_tree(engine: RunningEngine, family: dict[str, str]) -> None:
    """What it shows of a store without manifests: one line for each image."""
    lines = _plain(engine.docker("images", "--tree").stdout).splitlines()
    rows = {row[0]: row for line in lines if len(row := line.split()) > 3}
    assert rows["child:1"][1] == family["child"].removeprefix("sha256:")[:12]
    assert rows["child:1"][2] == rows["busybox:latest"][2]
    assert rows["child:1"][3] == "0B"
    assert rows["child:1"][4:] == (["U"] if engine.cli_version >= (1, 51) else [])


@pytest.mark.min_cli("1.49")
@pytest.mark.min_api("1.49")
def test_inspect_of_a_platform(engine: RunningEngine) -> None:
    shown = json.loads(engine.docker("image", "inspect", "busybox").stdout)[0]
    own, other = f"linux/{shown['Architecture']}", "linux/riscv64"
    assert json.loads(engine.docker("image", "inspect", "--platform", own, "busybox").stdout)[0] == shown
    refused = engine.docker("image", "inspect", "--platform", other, "busybox")
    text = f"its platform ({own}) does not match the specified platform ({other})"
    assert (refused.returncode, text in refused.stderr) == (1, True)


@pytest.mark.min_api("1.49")
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("manifests=1&platform=%7B%22os%22:%22linux%22,%22architecture%22:%22amd64%22%7D",
         "conflicting options: manifests and platform options cannot both be set"),
        ("platform=%7B%22os%22:%22linux%22%7D", "both OS and Architecture must be provided"),
    ],
)  # fmt: skip
def test_what_inspect_refuses(engine: RunningEngine, query: str, text: str) -> None:
    assert call(engine, "GET", f"/images/busybox/json?{query}") == (400, {"message": text})


@pytest.mark.min_api("1.48")
def test_manifests_in_inspect_are_for_stores_that_keep_them(engine: RunningEngine) -> None:
    plain = call(engine, "GET", "/images/busybox/json")[1]
    assert call(engine, "GET", "/images/busybox/json?manifests=1")[1] == plain


@pytest.mark.min_cli("1.50")
@pytest.mark.min_api("1.50")
def test_rmi_of_a_platform(engine: RunningEngine, family: dict[str, str]) -> None:
    engine.docker("tag", "child:1", "child:2")
    other = engine.docker("rmi", "--platform", "linux/riscv64", "child:2")
    assert "does not match the specified platform (linux/riscv64)" in other.stderr
    several = engine.docker("rmi", "--platform", "linux/amd64", "--platform", "linux/riscv64", "child:2")
    assert "multiple platforms are not supported" in several.stderr
    own = json.loads(engine.docker("image", "inspect", "child:2").stdout)[0]["Architecture"]
    assert engine.docker("rmi", "--platform", f"linux/{own}", "child:2").stdout == "Untagged: child:2\n"


def _plain(text: str) -> str:
    """Without a terminal's colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)
