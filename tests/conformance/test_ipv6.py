"""Networks with IPv6 beside IPv4."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host, neighbour


@pytest.fixture(autouse=True)
def six(engine: RunningEngine) -> Iterator[str]:
    created = engine.docker("network", "create", "--ipv6", "--subnet", "fd00:51::/64", "six")
    assert created.returncode == 0, created.stderr
    yield "six"
    if ids := engine.docker("ps", "-aq", "--filter", "network=six").stdout.split():
        engine.docker("rm", "-f", *ids)
    engine.docker("network", "rm", "six")


def running(engine: RunningEngine, name: str, *options: str) -> dict[str, Any]:
    done = engine.docker("run", "-d", "--name", name, *options, "busybox", "sleep", "600")
    assert done.returncode == 0, done.stderr
    shown = engine.docker("inspect", name, "-f", "{{json .NetworkSettings.Networks}}").stdout
    return dict(json.loads(shown))


def pings(engine: RunningEngine, container: str, address: str) -> bool:
    command = ("exec", container, "busybox", "ping", "-6", "-c", "1", "-W", "2", address)
    return engine.docker(*command).returncode == 0


def test_addresses_names_and_each_other(engine: RunningEngine) -> None:
    one = running(engine, "one", "--network", "six")["six"]
    two = running(engine, "two", "--network", "six", "--ip6", "fd00:51::99")["six"]
    assert (one["GlobalIPv6PrefixLen"], one["IPv6Gateway"]) == (64, "fd00:51::1")
    assert one["GlobalIPv6Address"].startswith("fd00:51::")
    assert two["GlobalIPv6Address"] == "fd00:51::99"
    assert "inet6 fd00:51::99/64" in engine.docker("exec", "two", "busybox", "ip", "addr", "show", "eth0").stdout
    assert pings(engine, "one", "fd00:51::99")
    looked_up = engine.docker("exec", "one", "busybox", "nslookup", "-type=aaaa", "two").stdout
    assert "fd00:51::99" in looked_up
    network = json.loads(engine.docker("network", "inspect", "six").stdout)[0]
    assert network["EnableIPv6"] is True
    assert "fd00:51::/64" in [c["Subnet"] for c in network["IPAM"]["Config"]]
    assert "fd00:51::99/64" in [c["IPv6Address"] for c in network["Containers"].values()]
    assert "fd00:51::99\t" in engine.docker("exec", "two", "cat", "/etc/hosts").stdout


def test_an_address_that_is_taken(engine: RunningEngine) -> None:
    running(engine, "one", "--network", "six", "--ip6", "fd00:51::99")
    again = engine.docker("run", "--network", "six", "--ip6", "fd00:51::99", "busybox", "true")
    assert "Address already in use" in again.stderr


@pytest.mark.min_api("1.44")
def test_the_way_out_and_no_way_in(engine: RunningEngine) -> None:
    running(engine, "one", "--network", "six", "--ip6", "fd00:51::99")
    engine.docker("network", "create", "--ipv6", "--subnet", "fd00:52::/64", "seven")
    running(engine, "far", "--network", "seven", "--ip6", "fd00:52::9")
    assert not pings(engine, "one", "fd00:52::9")
    here = Host(engine.namespace)
    with neighbour(engine) as other:
        here.run("ip", "addr", "add", "fd00:99::1/64", "dev", "wire", "nodad")
        other.run("ip", "addr", "add", "fd00:99::2/64", "dev", "wire", "nodad")
        other.run("ip", "route", "add", "fd00:51::/64", "via", "fd00:99::1")
        assert pings(engine, "one", "fd00:99::2")
        assert "1 received" not in other.run("sh", "-c", "busybox ping -6 -c 1 -W 1 fd00:51::99 || true")
    engine.docker("rm", "-f", "far")
    engine.docker("network", "rm", "seven")


@pytest.mark.seaway_only("restarts the engine")
def test_it_outlives_the_engine(engine: RunningEngine) -> None:
    running(engine, "one", "--network", "six", "--ip6", "fd00:51::99")
    engine.kill()
    engine.start()
    again = engine.docker("run", "--network", "six", "--ip6", "fd00:51::99", "busybox", "true")
    assert "Address already in use" in again.stderr
    assert running(engine, "two", "--network", "six")["six"]["GlobalIPv6Address"] == "fd00:51::2"
    assert pings(engine, "two", "fd00:51::99")


@pytest.mark.min_api("1.44")
def test_addresses_of_the_engines_choice(engine: RunningEngine) -> None:
    engine.docker("network", "create", "--ipv6", "any")
    network = json.loads(engine.docker("network", "inspect", "any").stdout)[0]
    assert any(c["Subnet"].startswith("fd") and c["Subnet"].endswith("/64") for c in network["IPAM"]["Config"])
    engine.docker("network", "rm", "any")
