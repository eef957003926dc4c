"""Networks that somebody changes behind the engine's back, and many who change one container at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host
from conformance.options import call
from conformance.test_networks import made, refused, running, settings, shown

NAMED = "-o", "com.docker.network.bridge.name=br-shop"


@pytest.fixture(autouse=True)
def clean(engine: RunningEngine) -> Iterator[None]:
    yield
    engine.docker("rm", "-f", *engine.docker("ps", "-aq").stdout.split())
    engine.docker("network", "prune", "-f")


def connect(engine: RunningEngine, network: str, box: str, endpoint: dict[str, int]) -> None:
    """By what an endpoint is on the wire, which older CLIs have no words for."""
    body = {"Container": box, "EndpointConfig": endpoint}
    assert call(engine, "POST", f"/networks/{network}/connect", body) == (200, None)


def reaches(engine: RunningEngine, box: str, other: str) -> bool:
    address = settings(engine, other)["Networks"]["shop"]["IPAddress"]
    return engine.docker("exec", box, "busybox", "ping", "-c", "1", "-W", "2", address).returncode == 0


@pytest.mark.seaway_only("dockerd does not make the bridge again")
def test_a_bridge_that_was_removed_comes_back(engine: RunningEngine) -> None:
    made(engine, *NAMED, "shop")
    old = running(engine, "--network", "shop")
    Host(engine.namespace).run("ip", "link", "del", "br-shop")
    new = running(engine, "--network", "shop")
    assert reaches(engine, new, old)
    assert engine.docker("restart", "-t", "0", old).returncode == 0
    assert reaches(engine, old, new)


def test_a_bridge_and_its_devices_that_are_gone_are_no_obstacle(engine: RunningEngine) -> None:
    made(engine, *NAMED, "shop")
    box = running(engine, "--network", "shop")
    here = Host(engine.namespace)
    veth = next(word for word in here.run("ip", "-br", "link", "show", "master", "br-shop").split() if "veth" in word)
    here.run("ip", "link", "del", veth.partition("@")[0])
    here.run("ip", "link", "del", "br-shop")
    assert engine.docker("stop", "-t", "0", box).returncode == 0
    assert engine.docker("rm", box).returncode == 0
    assert engine.docker("network", "rm", "shop").returncode == 0


def test_a_device_that_is_gone_is_disconnected_and_connected_again(engine: RunningEngine) -> None:
    made(engine, *NAMED, "shop")
    box = running(engine)
    engine.docker("network", "connect", "shop", box)
    here = Host(engine.namespace)
    veth = next(word for word in here.run("ip", "-br", "link", "show", "master", "br-shop").split() if "veth" in word)
    here.run("ip", "link", "del", veth.partition("@")[0])
    assert engine.docker("network", "disconnect", "shop", box).returncode == 0
    assert engine.docker("network", "connect", "shop", box).returncode == 0
    assert len(shown(engine, box, "ls /sys/class/net").split()) == 3


@pytest.mark.min_api("1.44")
def test_fifty_connects_and_disconnects_of_one_container(engine: RunningEngine) -> None:
    names = [f"many{n}" for n in range(10)]
    for number, name in enumerate(names):
        made(engine, "--subnet", f"10.77.{number}.0/24", name)
    box = running(engine)

    def change(number: int) -> None:
        verb = "connect" if number % 3 else "disconnect"
        engine.docker("network", verb, names[number % 10], box)

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(change, range(50)))
    on = settings(engine, box)["Networks"]
    devices = set(shown(engine, box, "ls /sys/class/net").split()) - {"lo"}
    assert len(devices) == len(on)
    addresses = shown(engine, box, "busybox ip addr")
    assert all(f"{endpoint['IPAddress']}/" in addresses for endpoint in on.values())
    for name in names:
        engine.docker("network", "disconnect", name, box)
    assert set(shown(engine, box, "ls /sys/class/net").split()) == {"eth0", "lo"}
    assert set(settings(engine, box)["Networks"]) == {"bridge"}


@pytest.mark.min_api("1.48")
def test_the_way_out_follows_the_priority(engine: RunningEngine) -> None:
    made(engine, "--subnet", "10.78.1.0/24", "one")
    made(engine, "--subnet", "10.78.2.0/24", "two")
    box = running(engine, "--network", "one")
    way = "busybox ip route | grep default"
    assert "10.78.1.1" in shown(engine, box, way)
    connect(engine, "two", box, {"GwPriority": 5})
    assert "10.78.2.1" in shown(engine, box, way)
    engine.docker("network", "disconnect", "two", box)
    assert "10.78.1.1" in shown(engine, box, way)
    connect(engine, "two", box, {"GwPriority": -1})
    assert "10.78.1.1" in shown(engine, box, way)
    engine.docker("network", "disconnect", "one", box)
    assert "10.78.2.1" in shown(engine, box, way)


def test_a_pool_that_is_used_up_and_an_address_that_is_taken(engine: RunningEngine) -> None:
    network = made(engine, "--subnet", "10.79.0.0/30", "tiny")
    first = running(engine, "--network", "tiny")
    text = refused(engine, "run", "--rm", "--network", "tiny", "busybox", "true")
    assert f"no available IPv4 addresses on this network's address pools: tiny ({network})" in text
    made(engine, "--subnet", "10.79.1.0/29", "roomy")
    taken = refused(engine, "run", "--rm", "--network", "roomy", "--ip", "10.79.1.1", "busybox", "true")
    assert "Address already in use" in taken
    engine.docker("rm", "-f", first)
    assert engine.docker("run", "--rm", "--network", "tiny", "busybox", "true").returncode == 0
