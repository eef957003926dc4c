"""Networks without IPv4, and containers whose IPv4 and IPv6 leave by different networks."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host, neighbour

pytestmark = pytest.mark.min_api("1.48")


def call(engine: RunningEngine, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    with engine.client() as client:
        answer = client.api.request(method, client.api.base_url + path, json=body)
        return answer.status_code, answer.json()


@pytest.fixture(autouse=True)
def only(engine: RunningEngine) -> Iterator[str]:
    body = {"Name": "only", "EnableIPv4": False, "EnableIPv6": True, "IPAM": {"Config": [{"Subnet": "fd00:61::/64"}]}}
    status, answer = call(engine, "POST", "/networks/create", body)
    assert status == 201, answer
    yield "only"
    if ids := engine.docker("ps", "-aq").stdout.split():
        engine.docker("rm", "-f", *ids)
    engine.docker("network", "prune", "-f")


def running(engine: RunningEngine, name: str, *options: str) -> dict[str, Any]:
    done = engine.docker("run", "-d", "--name", name, *options, "busybox", "sleep", "600")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(engine.docker("inspect", name, "-f", "{{json .NetworkSettings}}").stdout))


def routes(engine: RunningEngine, name: str) -> tuple[str, str]:
    """Where IPv4 and IPv6 leave: device names."""
    four = engine.docker("exec", name, "busybox", "ip", "route", "show", "default").stdout.split()
    six = engine.docker("exec", name, "busybox", "ip", "-6", "route", "show", "default").stdout.split()
    return tuple(words[words.index("dev") + 1] if "dev" in words else "" for words in (four, six))  # type: ignore[return-value]


def test_addresses_names_and_the_record(engine: RunningEngine) -> None:
    one = running(engine, "one", "--network", "only")["Networks"]["only"]
    two = running(engine, "two", "--network", "only", "--ip6", "fd00:61::99")["Networks"]["only"]
    assert (one["IPAddress"], one["Gateway"], one["IPv6Gateway"]) == ("", "", "fd00:61::1")
    assert one["MacAddress"] != two["MacAddress"]
    assert engine.docker("exec", "one", "busybox", "ping", "-6", "-c", "1", "-W", "2", "two").returncode == 0
    shown = json.loads(engine.docker("network", "inspect", "only").stdout)[0]
    assert (shown["EnableIPv4"], shown["EnableIPv6"]) == (False, True)
    assert [c["Subnet"] for c in shown["IPAM"]["Config"]] == ["fd00:61::/64"]
    assert {c["IPv4Address"] for c in shown["Containers"].values()} == {""}
    assert "fd00:61::99\t" in engine.docker("exec", "two", "cat", "/etc/hosts").stdout
    assert routes(engine, "one") == ("", "eth0")


def test_ports_are_published_on_ipv6(engine: RunningEngine) -> None:
    engine.docker(
        "run", "-d", "--name", "web", "--network", "only", "-p", "8080:80", "busybox",
        "sh", "-c", "echo hello > /tmp/index.html && busybox httpd -f -p 80 -h /tmp",
    )  # fmt: skip
    shown = engine.docker("port", "web").stdout  # older CLIs show addresses without brackets
    assert shown in ("80/tcp -> [::]:8080\n", "80/tcp -> :::8080\n")
    with neighbour(engine) as other:
        Host(engine.namespace).run("ip", "addr", "add", "fd00:99::1/64", "dev", "wire", "nodad")
        other.run("ip", "addr", "add", "fd00:99::2/64", "dev", "wire", "nodad")
        assert "hello" in other.run("curl", "-sm", "5", "http://[fd00:99::1]:8080/index.html")


def test_each_version_leaves_by_its_own_network(engine: RunningEngine) -> None:
    engine.docker("network", "create", "four")
    engine.docker("network", "create", "--ipv6", "--subnet", "fd00:62::/64", "zboth")
    running(engine, "one", "--network", "four")
    assert routes(engine, "one") == ("eth0", "")
    engine.docker("network", "connect", "only", "one")
    assert routes(engine, "one") == ("eth0", "eth1")
    engine.docker("network", "connect", "zboth", "one")
    assert routes(engine, "one") == ("eth0", "eth1")
    engine.docker("network", "disconnect", "only", "one")
    assert routes(engine, "one") == ("eth0", "eth2")
    engine.docker("network", "disconnect", "four", "one")
    assert routes(engine, "one") == ("eth2", "eth2")


@pytest.mark.seaway_only("restarts the engine")
def test_it_outlives_the_engine(engine: RunningEngine) -> None:
    running(engine, "one", "--network", "only")
    engine.kill()
    engine.start()
    assert json.loads(engine.docker("network", "inspect", "only").stdout)[0]["EnableIPv4"] is False
    two = running(engine, "two", "--network", "only")["Networks"]["only"]
    assert two["GlobalIPv6Address"] == "fd00:61::3"
    assert engine.docker("exec", "two", "busybox", "ping", "-6", "-c", "1", "-W", "2", "fd00:61::2").returncode == 0


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"EnableIPv4": False}, "IPv4 or IPv6 must be enabled"),
        ({"EnableIPv4": False, "EnableIPv6": True, "IPAM": {"Driver": "null"}}, "ipv6 pool is empty"),
        (
            {"Options": {"com.docker.network.enable_ipv4": "x"}},
            'driver-opt "com.docker.network.enable_ipv4" is not a valid bool',
        ),
    ],
)
def test_what_is_refused(engine: RunningEngine, body: dict[str, Any], text: str) -> None:
    status, answer = call(engine, "POST", "/v1.48/networks/create", {"Name": "x", **body})
    assert (status, answer["message"]) == (400, text)


def test_older_clients_cannot_ask_for_it(engine: RunningEngine) -> None:
    status, answer = call(engine, "POST", "/v1.47/networks/create", {"Name": "old", "EnableIPv4": False})
    assert status == 201
    assert call(engine, "GET", f"/networks/{answer['Id']}")[1]["EnableIPv4"] is True
