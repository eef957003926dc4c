"""`docker ps`: its filters, order, limit and columns."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from docker import DockerClient

from conformance.conftest import RunningEngine


@pytest.fixture
def three(engine: RunningEngine) -> Iterator[RunningEngine]:
    """list-a runs, list-b ended with 3, list-c was never started."""
    options = ("-p", "18999:80", "--expose", "90/udp", "-l", "list=1", "-v", "list-data:/data")
    done = engine.docker("run", "-d", "--name", "list-a", *options, "busybox", "sleep", "1000")
    assert done.returncode == 0, done.stderr
    engine.docker("run", "--name", "list-b", "-l", "list=2", "busybox", "sh", "-c", "exit 3")
    engine.docker("create", "--name", "list-c", "--network", "none", "busybox", "sh", "-c", "two words")
    yield engine
    engine.docker("rm", "-fv", "list-a", "list-b", "list-c")
    engine.docker("volume", "rm", "list-data")


def names(engine: RunningEngine, *arguments: str) -> str:
    filters = [word for argument in arguments for word in ("--filter", argument) if argument != "-a"]
    everything = ["-a"] if "-a" in arguments else []
    shown = engine.docker("ps", *everything, "--format", "{{.Names}}", "--filter", "name=^list-", *filters)
    return "".join(sorted(name.removeprefix("list-") for name in shown.stdout.split()))


FILTERS = [
    ((), "a"),
    (("-a",), "abc"),
    (("exited=3",), ""),
    (("-a", "exited=3"), "b"),
    (("status=exited",), "b"),
    (("status=created", "status=running"), "ac"),
    (("publish=18999",), "a"),
    (("publish=80",), ""),
    (("publish=18990-19000/tcp",), "a"),
    (("expose=90/udp",), "a"),
    (("-a", "expose=90/tcp"), ""),
    (("volume=/data",), "a"),
    (("volume=list-data",), "a"),
    (("volume=nosuch",), ""),
    (("-a", "since=list-a"), "bc"),
    (("before=list-c",), "a"),
    (("-a", "before=list-c"), "ab"),
    (("-a", "label=list"), "ab"),
    (("-a", "label=list=2"), "b"),
    (("-a", "label=list", "label=other"), ""),
    (("-a", "network=bridge"), "ab"),
    (("-a", "network=none"), "c"),
    (("-a", "ancestor=busybox"), "abc"),
    (("-a", "ancestor=nosuch"), ""),
    (("health=none",), "a"),
    (("health=healthy",), ""),
    (("is-task=false",), "a"),
    (("is-task=true",), ""),
    (("isolation=default",), "a"),
]


def test_filters(three: RunningEngine) -> None:
    found = {arguments: names(three, *arguments) for arguments, _ in FILTERS}
    assert found == dict(FILTERS)


@pytest.mark.parametrize(
    ("wrong", "status", "text"),
    [
        ({"exited": ["x"]}, 400, 'strconv.Atoi: parsing "x": invalid syntax'),
        ({"status": ["x"]}, 400, "nvalid filter 'status=x'"),
        ({"health": ["x"]}, 400, "Unrecognised filter value for health: x"),
        ({"is-task": ["x"]}, 400, "nvalid filter 'is-task=[x]'"),
        ({"before": ["nosuch"]}, 404, "no such container nosuch"),
        ({"publish": ["80:80"]}, 400, "filter for 'publish' should not contain ':': 80:80"),
        ({"expose": ["9-2"]}, 400, "error while looking up for expose 9-2: Invalid range specified for the Port: 9-2"),
        ({"publish": ["70000"]}, 400, 'parsing "70000": value out of range'),
        ({"nosuch": ["x"]}, 400, "nvalid filter 'nosuch'"),
    ],
)
def test_wrong_filters(
    engine: RunningEngine, client: DockerClient, wrong: dict[str, list[str]], status: int, text: str
) -> None:
    answer = client.api._get(client.api._url("/containers/json"), params={"filters": json.dumps(wrong)})
    assert text in answer.json()["message"]
    assert answer.status_code == status or (answer.status_code == 500 and not engine.is_seaway)


def test_order_limit_and_columns(three: RunningEngine, client: DockerClient) -> None:
    listed: list[dict[str, Any]] = client.api.containers(all=True, filters={"name": "^list-"})
    assert [c["Names"] for c in listed] == [["/list-c"], ["/list-b"], ["/list-a"]]
    assert [c["Names"] for c in client.api.containers(limit=2)] == [["/list-c"], ["/list-b"]]
    created, ended, running = listed
    assert (created["State"], created["Status"], created["Command"]) == ("created", "Created", "sh -c 'two words'")
    assert ended["Status"].startswith("Exited (3) ")
    assert running["Status"].startswith("Up ")
    assert {p.get("PublicPort") for p in running["Ports"]} == {18999, None}
    assert running["HostConfig"] == {"NetworkMode": "bridge"} or three.api_version < (1, 44)
    assert running["Mounts"][0]["Name"] == "list-data"
    assert running["NetworkSettings"]["Networks"]["bridge"]["IPAddress"]


def test_a_name_that_moved_on_is_shown_as_its_id(engine: RunningEngine) -> None:
    engine.docker("tag", "busybox", "moved:1")
    engine.docker("create", "--name", "list-moved", "moved:1", "true")
    engine.docker("rmi", "moved:1")
    image = engine.docker("images", "-q", "--no-trunc", "busybox").stdout.strip()
    shown = engine.docker(
        "ps", "-a", "--no-trunc", "--filter", "name=list-moved", "--format", "{{.Image}}"
    ).stdout.strip()
    assert shown in (image, "moved:1" if not engine.is_seaway else image)


def test_a_link_names_a_container_too(engine: RunningEngine, client: DockerClient) -> None:
    """`web/db` is another name of what web knows as db, until the link goes."""
    engine.docker("run", "-d", "--name", "list-db", "busybox", "sleep", "1000")
    engine.docker("create", "--name", "list-web", "--link", "list-db:db", "busybox", "true")
    names = {"name": "^list-db$"}
    assert client.api.containers(filters=names)[0]["Names"] == ["/list-db", "/list-web/db"]
    assert client.containers.get("list-web/db").name == "list-db"
    assert engine.docker("exec", "/list-web/db", "true").returncode == 0
    assert engine.docker("inspect", "list-web/other").returncode == 1
    assert engine.docker("rm", "--link", "list-web/db").returncode == 0
    assert client.api.containers(filters=names)[0]["Names"] == ["/list-db"]
    assert engine.docker("inspect", "list-web/db").returncode == 1


def test_endpoints_are_listed_without_what_was_asked_for(engine: RunningEngine, client: DockerClient) -> None:
    engine.docker("network", "create", "list-net")
    engine.docker("run", "-d", "--name", "list-on", "--net", "list-net", "--net-alias", "x", "busybox", "sleep", "1000")
    listed = client.api.containers(filters={"name": "list-on"})[0]["NetworkSettings"]["Networks"]["list-net"]
    inspected = client.api.inspect_container("list-on")["NetworkSettings"]["Networks"]["list-net"]
    assert (listed["Aliases"], listed["IPAddress"]) == (None, inspected["IPAddress"])
    assert "x" in inspected["Aliases"]
    engine.docker("rm", "-f", "list-on")
    engine.docker("network", "rm", "list-net")
