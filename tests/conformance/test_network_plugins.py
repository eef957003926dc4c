"""Network and IPAM drivers of somebody else: version 1 plugins on a socket."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host
from conformance.test_networks import inspected, made, refused, running, settings, shown
from suites.network_plugin import NetworkPlugin


@pytest.fixture
def plugin(engine: RunningEngine) -> Iterator[NetworkPlugin]:
    path = Path("/run/docker/plugins") / f"seawaynet{os.getpid()}.sock"
    plugin = NetworkPlugin(path, engine.namespace)
    yield plugin
    plugin.fails.clear()
    engine.docker("rm", "-f", *engine.docker("ps", "-aq").stdout.split())
    engine.docker("network", "prune", "-f")
    plugin.close()
    path.unlink()


def test_a_network_of_a_plugin(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    name = plugin.socket_path.stem
    subnet = "--subnet", "10.201.0.0/24", "--aux-address", "router=10.201.0.9"
    network = made(engine, "-d", name, *subnet, "-o", "colour=red", "--internal", "pn")
    asked = plugin.asked("NetworkDriver.CreateNetwork")
    assert asked["NetworkID"] == network
    assert asked["Options"]["com.docker.network.generic"]["colour"] == "red"
    assert asked["IPv4Data"][0]["Pool"] == "10.201.0.0/24"
    assert asked["IPv4Data"][0]["Gateway"] == "10.201.0.1/24"
    assert inspected(engine, "pn")["Driver"] == name
    engine.docker("network", "rm", "pn")
    assert plugin.networks == set()


def test_a_container_on_it(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    made(engine, "-d", plugin.socket_path.stem, "--subnet", "10.201.0.0/24", "pn")
    box = running(engine, "--network", "pn", "--ip", "10.201.0.20", "-p", "8099:80")
    assert "10.201.0.20/24" in shown(engine, box, "busybox ip addr show net0")
    routes = shown(engine, box, "busybox ip route")
    assert "default via 10.201.0.1" in routes
    assert "10.202.0.0/16 via 10.201.0.1" in routes
    endpoint = settings(engine, box)["Networks"]["pn"]
    assert (endpoint["MacAddress"], endpoint["Gateway"]) == ("02:00:00:00:00:0a", "10.201.0.1")
    assert engine.docker("exec", box, "busybox", "ping", "-c", "1", "-W", "2", "10.201.0.1").returncode == 0
    wish = plugin.asked("NetworkDriver.ProgramExternalConnectivity")["Options"]["com.docker.network.portmap"][0]
    assert (wish["Proto"], wish["Port"], wish["HostPort"]) == (6, 80, 8099)
    engine.docker("rm", "-f", box)
    engine.docker("network", "rm", "pn")
    assert plugin.endpoints == set()
    order = [method.partition(".")[2] for method, _ in plugin.log if method.startswith("NetworkDriver.")]
    assert order[-4:] == ["RevokeExternalConnectivity", "Leave", "DeleteEndpoint", "DeleteNetwork"]


def test_what_a_plugin_says_of_ports_is_not_shown(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    binding = {"Proto": 6, "IP": "", "Port": 80, "HostIP": "0.0.0.0", "HostPort": 8123, "HostPortEnd": 8123}
    exposed = [{"Proto": 6, "Port": 77}]
    plugin.told = {"com.docker.network.portmap": [binding], "com.docker.network.endpoint.exposedports": exposed}
    made(engine, "-d", plugin.socket_path.stem, "--subnet", "10.201.0.0/24", "pn")
    box = running(engine, "--network", "pn", "-p", "8099:80", "--expose", "99")
    assert settings(engine, box)["Ports"] == {}
    assert engine.docker("port", box).stdout == ""
    assert engine.docker("ps", "--format", "{{.Ports}}").stdout.strip() == ""
    engine.docker("stop", "-t", "0", box)
    made(engine, "zz")
    engine.docker("network", "connect", "zz", box)
    engine.docker("start", box)
    assert settings(engine, box)["Ports"] == {"80/tcp": None, "99/tcp": None}


def test_connected_and_disconnected_while_it_runs(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    made(engine, "-d", plugin.socket_path.stem, "--subnet", "10.201.0.0/24", "pn")
    box = running(engine)
    assert engine.docker("network", "connect", "pn", box).returncode == 0
    assert "10.201.0.2/24" in shown(engine, box, "busybox ip addr")
    assert engine.docker("network", "disconnect", "pn", box).returncode == 0
    assert "10.201.0.2/24" not in shown(engine, box, "busybox ip addr")
    assert plugin.endpoints == set()


@pytest.mark.parametrize("way", ["disconnect", "stop"])
def test_its_device_is_back_on_the_host_afterwards(engine: RunningEngine, plugin: NetworkPlugin, way: str) -> None:
    plugin.keeps_devices = True
    made(engine, "-d", plugin.socket_path.stem, "--subnet", "10.201.0.0/24", "pn")
    box = running(engine, "--network", "pn")
    asked = plugin.asked("NetworkDriver.EndpointOperInfo")
    device = f"q{asked['EndpointID'][:7]}"
    here = Host(engine.namespace)
    assert device not in links(here)
    if way == "disconnect":
        assert engine.docker("network", "disconnect", "pn", box).returncode == 0
    else:
        assert engine.docker("rm", "-f", box).returncode == 0
        wait_for(lambda: not plugin.endpoints)
    assert device in links(here)
    assert plugin.endpoints == set()
    here.run("ip", "link", "del", device)


def links(here: Host) -> list[str]:
    return [line.split("@")[0].split()[0] for line in here.run("ip", "-br", "link").splitlines()]


def wait_for(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("method", ["CreateEndpoint", "Join"])
def test_a_plugin_that_refuses_leaves_nothing(engine: RunningEngine, plugin: NetworkPlugin, method: str) -> None:
    made(engine, "-d", plugin.socket_path.stem, "--subnet", "10.201.0.0/24", "pn")
    plugin.fails[f"NetworkDriver.{method}"] = "out of wire"
    assert "out of wire" in refused(engine, "run", "--rm", "--network", "pn", "busybox", "true")
    plugin.fails.clear()
    assert plugin.endpoints == set()
    box = running(engine, "--network", "pn")
    assert settings(engine, box)["Networks"]["pn"]["IPAddress"] == "10.201.0.2"


def test_a_plugin_that_refuses_a_network(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    plugin.fails["NetworkDriver.CreateNetwork"] = "no more networks"
    text = refused(engine, "network", "create", "-d", plugin.socket_path.stem, "--subnet", "10.201.0.0/24", "pn")
    assert text == "remote: no more networks"
    assert "pn" not in engine.docker("network", "ls", "--format", "{{.Name}}").stdout.split()


def test_addresses_of_a_plugin(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    made(engine, "--ipam-driver", plugin.socket_path.stem, "--ipam-opt", "site=north", "leased")
    assert plugin.asked("IpamDriver.RequestPool")["Options"] == {"site": "north"}
    shape = inspected(engine, "leased")["IPAM"]
    assert shape["Driver"] == plugin.socket_path.stem
    assert shape["Config"] == [{"Subnet": "10.201.0.0/24", "Gateway": "10.201.0.1"}]
    box = running(engine, "--network", "leased")
    assert settings(engine, box)["Networks"]["leased"]["IPAddress"] == "10.201.0.50"
    assert plugin.leased == {"10.201.0.1", "10.201.0.50"}
    engine.docker("rm", "-f", box)
    engine.docker("network", "rm", "leased")
    assert plugin.leased == set()
    assert plugin.asked("IpamDriver.ReleasePool") == {"PoolID": "pool-1"}


def test_a_network_of_a_plugin_outlives_the_engine(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    name = plugin.socket_path.stem
    made(engine, "-d", name, "--ipam-driver", name, "pn")
    box = running(engine, "--network", "pn")
    engine.kill()
    engine.start()
    assert "10.201.0.50/24" in shown(engine, box, "busybox ip addr show net0")
    engine.docker("rm", "-f", box)
    engine.docker("network", "rm", "pn")
    assert plugin.leased == set()
    assert plugin.endpoints == set()
    assert "q" not in Host(engine.namespace).run("ip", "-br", "link", "show", "type", "veth")


def test_no_addresses(engine: RunningEngine, plugin: NetworkPlugin) -> None:
    """The null IPAM driver: the network's own driver gives them, or nobody."""
    made(engine, "-d", plugin.socket_path.stem, "--ipam-driver", "null", "bare")
    assert plugin.asked("NetworkDriver.CreateNetwork")["IPv4Data"] == []
    box = running(engine, "--network", "bare")
    assert settings(engine, box)["Networks"]["bare"]["IPAddress"] == "10.201.0.77"
    text = refused(engine, "network", "create", "--ipam-driver", "null", "none-such")
    assert text.endswith("ipv4 pool is empty")


def test_who_is_not_there(engine: RunningEngine) -> None:
    assert refused(engine, "network", "create", "-d", "nobody", "pn").endswith('plugin "nobody" not found')
    assert refused(engine, "network", "create", "--ipam-driver", "nobody", "pn").endswith('plugin "nobody" not found')
