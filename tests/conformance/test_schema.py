"""Every JSON answer of a lived-in engine, held against the API's schema: types, required keys, enumerations, formats,
and no key that the schema does not know.

What the schema lists and an engine without swarm and plugins does not serve is named in `NOT_SERVED`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from conformance.conftest import RunningEngine
from conformance.registries import docker_registry, faulty_registry
from conformance.schema import answer_schema, complaints, document

# dockerd answers so too: nil pointers to numbers, and what events had before API 1.22.
AS_DOCKERD = {
    "GET /containers/{id}/json .HostConfig.MemorySwappiness is null",
    "GET /exec/{id}/json .ExitCode is null",
    "GET /events .status is unknown",
    "GET /events .id is unknown",
    "GET /events .from is unknown",
}
NOT_SERVED = re.compile(r"\w+ /(nodes|swarm|services|tasks|secrets|configs|plugins)\b")
REGISTRY_PORT, INDEX_PORT = 5361, 5362
SLEEP = ("busybox", "sleep", "10000")

pytestmark = pytest.mark.min_api("1.51")


class Auditor:
    """Asks an engine, and writes down what its answers have that the schema does not allow."""

    def __init__(self, client: DockerClient) -> None:
        self.client, self.asked = client, set[str]()
        self.found: dict[str, str] = {}

    def ask(self, route: str, *names: str, query: str = "", body: Any = None, status: int = 200) -> Any:
        """`route` as the schema has it; the names are those in its braces."""
        method, path = re.sub(r"\{\w+\}", "{}", route).format(*names).split(" ")
        url = f"http+docker://localhost{path}{query}"
        reply = self.client.api.request(method, url, json=body, timeout=20)
        assert reply.status_code == status, (route, reply.text)
        return self.check(route, reply.json())

    def check(self, route: str, answer: Any) -> Any:
        self.asked.add(route)
        for complaint in complaints(answer_schema(route), answer):
            if f"{route} {complaint}" not in AS_DOCKERD:
                self.found.setdefault(f"{route} {complaint}", json.dumps(answer)[:2000])
        return answer


@pytest.fixture
def lived_in(engine: RunningEngine) -> Iterator[RunningEngine]:
    """Containers of every kind and status, with networks, volumes, execs and images."""

    def do(*arguments: str, fails: bool = False) -> None:
        done = engine.docker(*arguments)
        assert bool(done.returncode) == fails, done.stderr

    do("network", "create", "--label", "a=b", "--subnet", "10.77.0.0/24", "--ip-range", "10.77.0.128/25",
       "--aux-address", "router=10.77.0.9", "schema")  # fmt: skip
    do("network", "create", "--label", "a=b", "--ipv6", "--internal", "schema6")
    do("network", "create", "--config-only", "--label", "a=b", "--subnet", "10.78.0.0/24", "schema-template")
    do("network", "create", "--config-from", "schema-template", "schema-from")
    do("volume", "create", "--label", "a=b", "schema")
    do("volume", "create", "-o", "type=tmpfs", "-o", "device=tmpfs", "schema-tmpfs")
    do("run", "-d", "--name", "full", "-l", "a=b", "-e", "A=b", "-p", "80", "-p", "127.0.0.1::81/udp", "--expose", "99",
       "-v", "schema:/v", "-v", "/tmp:/t:ro", "--mount", "type=tmpfs,dst=/y,tmpfs-size=1m", "--tmpfs", "/x",
       "--ulimit", "nofile=100", "--memory", "64m", "--cpus", "0.5", "--sysctl", "net.ipv4.ip_forward=1",
       "--add-host", "a:1.2.3.4", "--dns", "1.1.1.1", "--device", "/dev/null:/dev/nn", "--network", "schema",
       "--network-alias", "alias", "--ip", "10.77.0.200", "--health-cmd", "true", "--health-interval", "100ms",
       "--restart", "on-failure:3", "--link-local-ip", "169.254.3.4", "--annotation", "a=b", *SLEEP)  # fmt: skip
    do("network", "connect", "--alias", "other", "--link", "full:friend", "schema6", "full")
    do("run", "-d", "--name", "plain", *SLEEP)
    do("run", "-d", "--name", "linked", "--link", "plain:friend", *SLEEP)
    do("run", "-d", "--name", "joined", "--network", "container:plain", *SLEEP)
    do("run", "-d", "--name", "host", "--network", "host", "--pid", "host", "--ipc", "host", "--privileged", *SLEEP)
    do("run", "-d", "--name", "none", "--network", "none", "--read-only", "--cap-drop", "ALL", "--init", "--runtime",
       "runc", "--log-opt", "max-size=1m", "--security-opt", "no-new-privileges", *SLEEP)  # fmt: skip
    do("run", "-dit", "--name", "terminal", "busybox", "sh")
    do("run", "-d", "--name", "paused", *SLEEP)
    do("pause", "paused")
    do("run", "-d", "--name", "unhealthy", "--health-cmd", "false", "--health-interval", "100ms", *SLEEP)
    do("run", "-d", "--name", "restarting", "--restart", "always", "busybox", "false")
    do("create", "--name", "created", "-v", "/anonymous", "--volumes-from", "full", "--gpus", "all", *SLEEP)
    do("run", "--name", "exited", "busybox", "sh", "-c", "echo x >/etc/x; exit 3", fails=True)
    do("run", "--name", "no-command", "busybox", "/nosuch", fails=True)
    do("exec", "-d", "full", *SLEEP[1:])
    do("exec", "-d", "-u", "1", "-e", "A=b", "--privileged", "terminal", "sleep", "10000")
    do("tag", "busybox", "schema:1")
    do("commit", "-c", "ENV A=b", "-c", "EXPOSE 80", "-c", "LABEL a=b", "-c", "HEALTHCHECK CMD true", "-c", "VOLUME /w",
       "-c", "ONBUILD RUN true", "-m", "why", "-a", "who", "exited", "schema:2")  # fmt: skip
    yield engine
    names = "full plain linked joined host none terminal paused unhealthy restarting created exited no-command"
    do("rm", "-fv", *names.split())
    do("network", "rm", "schema", "schema6", "schema-from", "schema-template")
    do("volume", "rm", "schema", "schema-tmpfs")
    do("rmi", "-f", "schema:1", "schema:2")


@pytest.mark.parametrize(
    ("route", "wrong", "complaint"),
    [
        ("GET /info", {"NCPU": "2"}, ".NCPU is no integer: '2'"),
        ("GET /info", {"NCPU": True}, ".NCPU is no integer: True"),
        ("GET /info", {"Cpus": 2}, ".Cpus is unknown"),
        ("GET /info", {"Name": None}, ".Name is null"),
        ("GET /info", {"CgroupVersion": "3"}, ".CgroupVersion is none of ['1', '2']: '3'"),
        ("GET /volumes", {"Volumes": [{"Driver": "local"}]}, ".Volumes[].Name is missing"),
        ("GET /containers/json", [{"Created": 1 << 63}], f"[].Created is out of range: {1 << 63}"),
        ("GET /containers/{id}/json", {"HostConfig": {"Memory": "1"}}, ".HostConfig.Memory is no integer: '1'"),
        ("GET /containers/{id}/json", {"HostConfig": {"ConsoleSize": [1]}}, ".HostConfig.ConsoleSize has 1 elements"),
        ("GET /networks", [{"Created": "today"}], "[].Created is no time: 'today'"),
    ],
)
def test_the_schema_finds_what_is_wrong(route: str, wrong: Any, complaint: str) -> None:
    assert complaint in list(complaints(answer_schema(route), wrong))


def test_every_answer(lived_in: RunningEngine, client: DockerClient, tmp_path: Path) -> None:
    auditor = Auditor(client)
    for subject in (containers, images, networks_and_volumes, the_engine, what_is_made):
        subject(auditor)
    registries(auditor, lived_in, tmp_path)
    assert not auditor.found, json.dumps(auditor.found, indent=1)
    assert {route for route in set(document()["answers"]) - auditor.asked if not NOT_SERVED.match(route)} == set()


def containers(auditor: Auditor) -> None:
    auditor.ask("GET /containers/json")
    listed = auditor.ask("GET /containers/json", query="?all=1&size=1")
    assert {each["State"] for each in listed} >= {"running", "paused", "exited", "created"}
    for each in listed:
        name = each["Id"]
        for query in ("", "?size=1"):
            inspected = auditor.ask("GET /containers/{id}/json", name, query=query)
        auditor.ask("GET /containers/{id}/changes", name)
        auditor.ask("GET /containers/{id}/stats", name, query="?stream=false&one-shot=true")
        for execution in inspected["ExecIDs"] or ():
            auditor.ask("GET /exec/{id}/json", execution)
    for query in ("", "?ps_args=aux"):
        auditor.ask("GET /containers/{id}/top", "full", query=query)


def images(auditor: Auditor) -> None:
    auditor.ask("GET /images/json")
    for each in auditor.ask("GET /images/json", query="?all=1&shared-size=1&manifests=1"):
        for query in ("", "?manifests=1"):
            auditor.ask("GET /images/{name}/json", each["Id"], query=query)
        auditor.ask("GET /images/{name}/history", each["Id"])


def networks_and_volumes(auditor: Auditor) -> None:
    for network in auditor.ask("GET /networks"):
        for query in ("", "?verbose=1"):
            auditor.ask("GET /networks/{id}", network["Id"], query=query)
    for volume in auditor.ask("GET /volumes")["Volumes"]:
        auditor.ask("GET /volumes/{name}", volume["Name"])


def the_engine(auditor: Auditor) -> None:
    auditor.ask("GET /info")
    auditor.ask("GET /version")
    for query in ("", "?type=container&type=volume"):
        auditor.ask("GET /system/df", query=query)
    past = auditor.client.events(since=0, until=auditor.client.info()["SystemTime"], decode=True)
    kinds = {auditor.check("GET /events", event)["Type"] for event in past}
    assert kinds >= {"container", "network", "volume", "image"}


def what_is_made(auditor: Auditor) -> None:
    body = {"Image": "busybox", "Cmd": ["sleep", "0.2"], "HostConfig": {"NetworkMode": "none"}}
    made = auditor.ask("POST /containers/create", body=body, status=201)["Id"]
    auditor.ask("POST /containers/{id}/update", made, body={"Memory": 32 << 20, "MemorySwap": 64 << 20})
    auditor.client.api.start(made)
    auditor.ask("POST /containers/{id}/wait", made)
    auditor.ask("POST /commit", query=f"?container={made}&repo=schema&tag=3", body={}, status=201)
    auditor.ask("DELETE /images/{name}", "schema:3")
    execution = auditor.ask("POST /containers/{id}/exec", "full", body={"Cmd": ["true"]}, status=201)["Id"]
    auditor.ask("GET /exec/{id}/json", execution)
    network = auditor.ask("POST /networks/create", body={"Name": "made"}, status=201)["Id"]
    auditor.ask("GET /networks/{id}", network)
    auditor.ask("POST /volumes/create", body={"Labels": {"gone": "soon"}}, status=201)
    # Each of these finds something of this test's.
    auditor.ask("POST /containers/prune", query='?filters={"label":["a!=b"]}')
    auditor.ask("POST /networks/prune", query='?filters={"label!":["a=b"]}')
    auditor.ask("POST /volumes/prune", query='?filters={"label":["gone=soon"]}')
    auditor.client.api.remove_image("schema:1", noprune=True)
    auditor.ask("POST /images/prune", query='?filters={"dangling":["false"],"label":["a=b"]}')
    auditor.ask("POST /build/prune")


def registries(auditor: Auditor, engine: RunningEngine, folder: Path) -> None:
    with docker_registry(engine.namespace, folder / "registry", REGISTRY_PORT) as address:
        assert engine.docker("tag", "busybox", f"{address}/schema").returncode == 0
        assert engine.docker("push", f"{address}/schema").returncode == 0
        auditor.ask("GET /distribution/{name}/json", f"{address}/schema")
        auditor.ask("POST /auth", body={"username": "a", "password": "b", "serveraddress": address})
        assert engine.docker("rmi", f"{address}/schema").returncode == 0
    with faulty_registry(engine.namespace, folder / "log", INDEX_PORT) as address:
        assert auditor.ask("GET /images/search", query=f"?term={address}/app")
