"""What an answer has, and what a request may ask for, at each version of the API: the first or the last that knows it."""

from collections.abc import Iterator
from typing import Any

import pytest

from conformance.conftest import RunningEngine
from conformance.engines import parse_version
from conformance.options import call

ABSENT = "absent"
BOX = "/containers/versioned/json"


@pytest.fixture
def box(engine: RunningEngine) -> Iterator[None]:
    """A container and an image made of it."""
    body = {"Image": "busybox", "Cmd": ["true"], "HostConfig": {"Annotations": {"a": "b"}}}
    assert call(engine, "POST", "/containers/create?name=versioned", body)[0] == 201
    engine.docker("commit", "versioned", "versioned")
    yield
    engine.docker("rm", "versioned")
    engine.docker("rmi", "versioned")


def at(value: Any, path: str) -> Any:
    """`Config.Hostname`; `0.State` is the first element's."""
    for step in path.split("."):
        if isinstance(value, list):
            value = value[int(step)] if value else ABSENT
        elif isinstance(value, dict):
            value = value.get(step, ABSENT)
    return value


@pytest.mark.usefixtures("box")
@pytest.mark.parametrize(
    ("request_path", "key", "last"),
    [
        ("/info", "KernelMemory", "1.41"),
        ("/info", "RegistryConfig.AllowNondistributableArtifactsCIDRs", "1.46"),
        ("/info", "RuncCommit.Expected", "1.48"),
        ("/info", "BridgeNfIptables", "1.49"),
        ("/system/df", "BuilderSize", "1.41"),
        ("/system/df", "Images.0.VirtualSize", "1.43"),
        ("/images/json", "0.VirtualSize", "1.43"),
        ("/images/versioned/json", "VirtualSize", "1.43"),
        ("/images/versioned/json", "ContainerConfig", "1.44"),
        ("/images/versioned/json", "Config.Hostname", "1.49"),
    ],
)
def test_keys_that_went(engine: RunningEngine, request_path: str, key: str, last: str) -> None:
    after = f"1.{parse_version(last)[1] + 1}"
    for version, is_there in ((last, True), (after, False)):
        if engine.api_version >= parse_version(version):
            answer = call(engine, "GET", request_path, version=version)[1]
            assert (version, at(answer, key) != ABSENT) == (version, is_there)


@pytest.mark.min_api("1.49")
@pytest.mark.usefixtures("box")
@pytest.mark.parametrize(
    ("request_path", "key", "first"),
    [
        ("/containers/json?all=1", "0.HostConfig.Annotations", "1.46"),
        ("/info", "FirewallBackend", "1.49"),
    ],
)
def test_keys_that_came(engine: RunningEngine, request_path: str, key: str, first: str) -> None:
    before = f"1.{parse_version(first)[1] - 1}"
    for version, is_there in ((before, False), (first, True)):
        answer = call(engine, "GET", request_path, version=version)[1]
        assert (version, at(answer, key) != ABSENT) == (version, is_there)


HEALTH = {"Test": ["CMD", "true"], "StartPeriod": 10**9, "StartInterval": 10**9}
TMPFS = {"Type": "tmpfs", "Target": "/t"}


@pytest.mark.parametrize(
    ("asked", "key", "old_value", "new_value", "first"),
    [
        ({"HostConfig": {"AutoRemove": True}}, "HostConfig.AutoRemove", False, True, "1.25"),
        ({"HostConfig": {}}, "HostConfig.IpcMode", "shareable", "private", "1.40"),
        ({"HostConfig": {"ConsoleSize": [10, 20]}}, "HostConfig.ConsoleSize", [0, 0], [10, 20], "1.42"),
        (
            {"HostConfig": {"Mounts": [{**TMPFS, "VolumeOptions": {"NoCopy": True}}]}},
            "HostConfig.Mounts.0.VolumeOptions", ABSENT, 400, "1.42",
        ),
        ({"HostConfig": {"Annotations": {"a": "b"}}}, "HostConfig.Annotations.a", ABSENT, "b", "1.43"),
        ({"Healthcheck": HEALTH}, "Config.Healthcheck.StartInterval", ABSENT, 10**9, "1.44"),
        (
            {"NetworkingConfig": {"EndpointsConfig": {"bridge": {"GwPriority": 7}}}},
            "NetworkSettings.Networks.bridge.GwPriority", 0, 7, "1.48",
        ),
    ],
)  # fmt: skip
def test_what_older_clients_cannot_ask_for(
    engine: RunningEngine, asked: dict[str, Any], key: str, old_value: Any, new_value: Any, first: str
) -> None:
    """They are answered as if they had not asked; a status is a refusal."""
    if engine.api_version < parse_version(first):
        pytest.skip(f"an engine older than {first} does not know what to leave out")
    before = f"1.{parse_version(first)[1] - 1}"
    for version, expected in ((before, old_value), (first, new_value)):
        body = {"Image": "busybox", "Cmd": ["true"], **asked}
        status, _ = call(engine, "POST", "/containers/create?name=versioned", body, version=version)
        if status != 201:
            assert (version, status) == (version, expected)
            continue
        found = at(call(engine, "GET", BOX)[1], key)
        engine.docker("rm", "versioned")
        assert (version, found) == (version, expected)


def test_lists_of_networks_name_their_containers_to_old_clients(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "versioned", "busybox", "sleep", "1000")
    for version, are_named in (("1.27", True), ("1.28", False)):
        networks = {each["Name"]: each for each in call(engine, "GET", "/networks", version=version)[1]}
        assert (version, bool(networks["bridge"]["Containers"])) == (version, are_named)
    engine.docker("rm", "-f", "versioned")
