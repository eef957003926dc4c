"""`docker network` and what containers get of it."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from docker import DockerClient

from conformance.engines import RunningEngine
from conformance.hosts import Host
from conformance.options import call, create_and_start


@pytest.fixture(autouse=True)
def clean(engine: RunningEngine) -> Iterator[None]:
    before = set(engine.docker("network", "ls", "-q", "--no-trunc").stdout.split())
    yield
    engine.docker("rm", "-f", *engine.docker("ps", "-aq").stdout.split())
    for network in set(engine.docker("network", "ls", "-q", "--no-trunc").stdout.split()) - before:
        engine.docker("network", "rm", network)


def made(engine: RunningEngine, *options: str) -> str:
    done = engine.docker("network", "create", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def inspected(engine: RunningEngine, network: str) -> dict[str, Any]:
    return dict(json.loads(engine.docker("network", "inspect", network).stdout)[0])


def running(engine: RunningEngine, *options: str) -> str:
    done = engine.docker("run", "-d", *options, "busybox", "sleep", "600")
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def running_on(engine: RunningEngine, endpoints: dict[str, Any]) -> str:
    """By what an endpoint is on the wire, which older CLIs have no words for. The first network is the main one."""
    host = {"NetworkMode": next(iter(endpoints))}
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": host}
    status, answer = call(
        engine, "POST", "/containers/create", {**body, "NetworkingConfig": {"EndpointsConfig": endpoints}}
    )
    assert status == 201, answer
    status, failed = call(engine, "POST", f"/containers/{answer['Id']}/start")
    assert status == 204, failed
    return str(answer["Id"])


def settings(engine: RunningEngine, container: str) -> dict[str, Any]:
    return dict(call(engine, "GET", f"/containers/{container}/json")[1]["NetworkSettings"])


def refused(engine: RunningEngine, *command: str) -> str:
    done = engine.docker(*command)
    assert done.returncode != 0
    return (
        done.stderr.strip().removeprefix("docker: ").removeprefix("Error response from daemon: ").partition("\n\n")[0]
    )


def shown(engine: RunningEngine, container: str, script: str) -> str:
    return engine.docker("exec", container, "sh", "-c", script).stdout


def test_the_predefined_networks(engine: RunningEngine) -> None:
    listed = engine.docker("network", "ls", "--filter", "type=builtin", "--format", "{{.Name}} {{.Driver}} {{.Scope}}")
    assert sorted(listed.stdout.split("\n")[:-1]) == ["bridge bridge local", "host host local", "none null local"]
    bridge = inspected(engine, "bridge")
    assert bridge["Options"] == {
        "com.docker.network.bridge.default_bridge": "true",
        "com.docker.network.bridge.enable_icc": "true",
        "com.docker.network.bridge.enable_ip_masquerade": "true",
        "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
        "com.docker.network.bridge.name": "docker0",
        "com.docker.network.driver.mtu": "1500",
    }
    for name in ("bridge", "host", "none"):
        assert refused(engine, "network", "create", name) == f"operation is not permitted on predefined {name} network"
        assert f"{name} is a pre-defined network and cannot be removed" in refused(engine, "network", "rm", name)


def test_a_network_as_it_was_asked_for(engine: RunningEngine) -> None:
    options = ["--subnet", "10.91.0.0/16", "--ip-range", "10.91.5.0/24", "--gateway", "10.91.0.9"]
    options += ["--aux-address", "printer=10.91.5.0", "--label", "a=b", "--opt", "com.docker.network.driver.mtu=1400"]
    network = made(engine, *options, "--attachable", "full")
    found = inspected(engine, network[:12])
    assert (found["Name"], found["Driver"], found["Attachable"], found["Internal"]) == ("full", "bridge", True, False)
    assert found["IPAM"] == {
        "Driver": "default",
        "Options": {},
        "Config": [
            {
                "Subnet": "10.91.0.0/16",
                "IPRange": "10.91.5.0/24",
                "Gateway": "10.91.0.9",
                "AuxiliaryAddresses": {"printer": "10.91.5.0"},
            }
        ],
    }
    assert (found["Labels"], found["Options"]) == ({"a": "b"}, {"com.docker.network.driver.mtu": "1400"})
    box = running(engine, "--network", "full")
    endpoint = settings(engine, box)["Networks"]["full"]
    assert (endpoint["IPAddress"], endpoint["IPPrefixLen"], endpoint["Gateway"]) == ("10.91.5.1", 16, "10.91.0.9")
    on = inspected(engine, "full")["Containers"][box]
    assert (on["IPv4Address"], on["MacAddress"]) == ("10.91.5.1/16", endpoint["MacAddress"])
    link = shown(engine, box, "busybox ip addr show eth0")
    assert "mtu 1400" in link
    assert "10.91.5.1/16" in link
    assert "has active endpoints" in refused(engine, "network", "rm", "full")


def test_what_dockerd_refuses(engine: RunningEngine) -> None:
    made(engine, "--subnet", "10.92.0.0/16", "there")
    assert refused(engine, "network", "create", "there") == "network with name there already exists"
    overlap = refused(engine, "network", "create", "--subnet", "10.92.5.0/24", "other")
    assert overlap.endswith("Pool overlaps with other one on this address space")
    assert 'plugin "nosuch" not found' in refused(engine, "network", "create", "-d", "nosuch", "other")
    assert call(engine, "GET", "/networks/nosuch") == (404, {"message": "network nosuch not found"})
    assert call(engine, "DELETE", "/networks/nosuch") == (404, {"message": "network nosuch not found"})
    assert "network nosuch not found" in refused(engine, "run", "--network", "nosuch", "busybox", "true")
    own = "user specified IP address is supported on user defined networks only"
    endpoints = {"EndpointsConfig": {"default": {"IPAMConfig": {"IPv4Address": "172.17.0.9"}}}}
    assert own in create_and_start(engine, {"NetworkingConfig": endpoints}, {"NetworkMode": "default"}).message
    made(engine, "plain")
    assert "user specified IP address is supported only when connecting to networks with user configured subnets" in (
        refused(engine, "run", "--network", "plain", "--ip", "10.1.2.3", "busybox", "true")
    )
    first = running(engine, "--network", "there", "--ip", "10.92.0.7")
    taken = refused(engine, "run", "--network", "there", "--ip", "10.92.0.7", "busybox", "true")
    assert "Address already in use" in taken
    name = engine.docker("inspect", first, "-f", "{{.Name}}").stdout.strip().removeprefix("/")
    again = refused(engine, "network", "connect", "there", first)
    assert again == f"endpoint with name {name} already exists in network there"


@pytest.mark.min_api("1.44")
def test_faults_of_a_configuration_are_told_together(client: DockerClient) -> None:
    from docker.errors import APIError
    from docker.types import IPAMConfig, IPAMPool

    pool = IPAMPool(subnet="10.93.0.1/16", gateway="10.94.0.1", iprange="10.93.0.0/8")
    with pytest.raises(APIError) as failure:
        client.networks.create("bad", ipam=IPAMConfig(pool_configs=[pool]))
    assert failure.value.status_code == 400
    assert str(failure.value.explanation) == (
        "invalid network config:\n"
        "* invalid subnet 10.93.0.1/16: it should be 10.93.0.0/16\n"
        "* invalid ip-range 10.93.0.0/8: CIDR block is bigger than its parent subnet 10.93.0.0/16\n"
        "* invalid ip-range 10.93.0.0/8: it should be 10.0.0.0/8\n"
        "* invalid gateway 10.94.0.1: parent subnet 10.93.0.0/16 doesn't contain this address"
    )


def test_filters_and_prune(engine: RunningEngine) -> None:
    used, unused = made(engine, "--label", "keep", "used"), made(engine, "unused")
    engine.docker("create", "--network", "used", "--name", "sleeper", "busybox", "true")

    def listed(*filters: str) -> list[str]:
        arguments = [a for f in filters for a in ("--filter", f)]
        return sorted(engine.docker("network", "ls", "--no-trunc", "-q", *arguments).stdout.split())

    assert listed("label=keep") == [used]
    assert listed("name=used", "driver=bridge") == sorted([used, unused])
    assert listed(f"id={used[:6]}") == [used]
    assert listed("type=custom") == sorted([used, unused])
    assert "invalid filter" in refused(engine, "network", "ls", "--filter", "nonsense=1").lower()
    engine.docker("start", "-a", "sleeper")
    pruned = engine.docker("network", "prune", "-f").stdout
    assert "unused" in pruned
    assert listed("type=custom") == ([used] if engine.is_seaway else [])


def test_connect_and_disconnect_while_it_runs(engine: RunningEngine) -> None:
    made(engine, "--subnet", "10.95.0.0/24", "back")
    box = running(engine)
    assert engine.docker("network", "connect", "--ip", "10.95.0.50", "--alias", "store", "back", box).returncode == 0
    back = settings(engine, box)["Networks"]["back"]
    assert (back["IPAddress"], back["IPAMConfig"]["IPv4Address"]) == ("10.95.0.50", "10.95.0.50")
    assert "store" in back["Aliases"]
    assert "10.95.0.50/24" in shown(engine, box, "busybox ip addr show eth1")
    assert shown(engine, box, "cat /etc/hosts").splitlines()[-1].startswith("10.95.0.50\t")
    engine.docker("network", "disconnect", "back", box)
    assert "eth1" not in shown(engine, box, "busybox ip link")
    assert "back" not in settings(engine, box)["Networks"]
    assert "is not connected to" in refused(engine, "network", "disconnect", "back", box)


def test_a_stopped_container_connects_at_its_next_start(engine: RunningEngine) -> None:
    made(engine, "late")
    engine.docker("create", "--name", "waiting", "busybox", "sleep", "600")
    engine.docker("network", "connect", "late", "waiting")
    engine.docker("network", "disconnect", "bridge", "waiting")
    assert set(settings(engine, "waiting")["Networks"]) == {"late"}
    engine.docker("start", "waiting")
    assert settings(engine, "waiting")["Networks"]["late"]["IPAddress"]
    engine.docker("stop", "-t", "0", "waiting")
    after = settings(engine, "waiting")["Networks"]["late"]
    assert (after["IPAddress"], after["EndpointID"], after["MacAddress"]) == ("", "", "")
    assert after["NetworkID"] == inspected(engine, "late")["Id"]


@pytest.mark.min_api("1.44")
def test_several_networks_at_once(engine: RunningEngine) -> None:
    made(engine, "--subnet", "10.96.1.0/24", "front")
    made(engine, "--subnet", "10.96.2.0/24", "back")
    front = {"IPAMConfig": {"IPv4Address": "10.96.1.9"}, "MacAddress": "02:42:0a:00:00:09", "Aliases": ["shop"]}
    box = running_on(engine, {"front": front, "back": {"GwPriority": 7}})
    networks = settings(engine, box)["Networks"]
    assert (networks["front"]["IPAddress"], networks["front"]["MacAddress"]) == ("10.96.1.9", "02:42:0a:00:00:09")
    assert "shop" in networks["front"]["DNSNames"]
    assert "default via 10.96.2.1" in shown(engine, box, "busybox ip route")
    assert "10.96.1.9/24" in shown(engine, box, "busybox ip addr show eth0")
    engine.docker("restart", "-t", "0", box)
    assert settings(engine, box)["Networks"]["front"]["MacAddress"] == "02:42:0a:00:00:09"


@pytest.mark.min_api("1.48")
def test_what_an_endpoint_may_be_told(engine: RunningEngine) -> None:
    made(engine, "--subnet", "10.96.3.0/24", "told")
    options = {
        "com.docker.network.endpoint.sysctls": "net.ipv4.conf.IFNAME.log_martians=1",
        "com.docker.network.endpoint.ifname": "lan0",
    }
    endpoint = {"DriverOpts": options, "IPAMConfig": {"LinkLocalIPs": ["169.254.7.7"]}}
    box = running_on(engine, {"told": endpoint})
    link = shown(engine, box, "busybox ip addr show lan0")
    assert "10.96.3.2/24" in link
    assert "169.254.7.7/16" in link
    assert shown(engine, box, "cat /proc/sys/net/ipv4/conf/lan0/log_martians") == "1\n"
    wrong = refused(
        engine, "run", "--network", "name=told,driver-opt=com.docker.network.endpoint.sysctls=net.x=1", "busybox"
    )
    assert "unrecognised network interface sysctl 'net.x=1'" in wrong


@pytest.mark.min_api("1.48")
def test_an_interfaces_sysctl_is_the_endpoints(engine: RunningEngine) -> None:
    """Older versions of the API have it moved."""
    sysctl, option = "net.ipv4.conf.eth0.log_martians", "com.docker.network.endpoint.sysctls"
    body = {"Image": "busybox", "Cmd": ["sleep", "600"], "HostConfig": {"Sysctls": {sysctl: "1"}}}
    assert refused(engine, "create", "--sysctl", f"{sysctl}=1", "busybox") == (
        f"interface specific sysctl setting \"{sysctl}\" must be supplied using driver option '{option}'"
    )
    status, made = call(engine, "POST", "/containers/create", body, "1.47")
    moved = "net.ipv4.conf.IFNAME.log_martians=1"
    assert (status, made["Warnings"]) == (201, [f'Migrated sysctl "{sysctl}" to DriverOpts{{"{option}":"{moved}"}}.'])
    box = made["Id"]
    engine.docker("start", box)
    assert shown(engine, box, "cat /proc/sys/net/ipv4/conf/eth0/log_martians") == "1\n"
    assert settings(engine, box)["Networks"]["bridge"]["DriverOpts"] == {option: moved}


@pytest.mark.min_api("1.44")  # older ones say some of it otherwise
def test_other_peoples_network_and_none(engine: RunningEngine) -> None:
    owner = running(engine, "--name", "owner", "--hostname", "ownerhost")
    link = shown(engine, owner, "busybox ip addr show eth0")
    joined = running(engine, "--network", "container:owner")
    assert shown(engine, joined, "busybox ip addr show eth0") == link
    assert shown(engine, joined, "hostname") == "ownerhost\n"
    assert shown(engine, joined, "cat /etc/hosts") == shown(engine, owner, "cat /etc/hosts")
    assert settings(engine, joined)["Networks"] == {}
    made(engine, "extra")
    shares = (
        "container sharing network namespace with another container or host cannot be connected to any other network"
    )
    assert refused(engine, "network", "connect", "extra", joined) == shares
    alone = running(engine, "--network", "none")
    assert "eth0" not in shown(engine, alone, "busybox ip link")
    assert "none" in refused(engine, "network", "connect", "extra", alone)
    conflicting = refused(engine, "run", "--network", "container:owner", "-p", "80:80", "busybox", "true")
    assert "conflicting options: port publishing and the container type network mode" in conflicting
    hosts = running(engine, "--network", "host")
    assert shown(engine, hosts, "busybox ip link show docker0").strip()
    assert refused(engine, "network", "connect", "extra", hosts) == shares
    assert "must be created in host network mode" in refused(engine, "network", "connect", "host", owner)


@pytest.mark.min_api("1.44")  # before, an internal network had a gateway
def test_networks_are_apart_and_internal_ones_have_no_way_out(engine: RunningEngine) -> None:
    made(engine, "--internal", "deep")
    made(engine, "wide")
    inner, outer = running(engine, "--network", "deep"), running(engine, "--network", "wide")
    assert "default" not in shown(engine, inner, "busybox ip route")
    there = settings(engine, outer)["Networks"]["wide"]["IPAddress"]
    plain = running(engine)
    for box in (inner, plain):
        ping = engine.docker("exec", box, "busybox", "ping", "-c", "1", "-W", "1", there)
        assert ping.returncode != 0
    neighbour = running(engine, "--network", "wide")
    assert engine.docker("exec", neighbour, "busybox", "ping", "-c", "1", "-W", "2", there).returncode == 0


@pytest.mark.min_api("1.44")  # the CLI refuses --mac-address for older ones
def test_a_mac_address_and_a_legacy_link(engine: RunningEngine) -> None:
    box = running(engine, "--mac-address", "02:42:ac:11:99:99")
    assert "02:42:ac:11:99:99" in shown(engine, box, "busybox ip link show eth0")
    running(engine, "--name", "db", "--expose", "5432", "-e", "USER=me")
    linked = running(engine, "--name", "app", "--link", "db:store")
    address = settings(engine, "db")["IPAddress"]
    short = engine.docker("inspect", "db", "-f", "{{.Id}}").stdout[:12]
    assert f"{address}\tstore {short} db\n" in shown(engine, linked, "cat /etc/hosts")
    environment = engine.docker("exec", linked, "env").stdout
    assert f"STORE_PORT_5432_TCP_ADDR={address}\n" in shown(engine, linked, "cat /proc/1/environ | tr '\\0' '\\n'") or (
        f"STORE_PORT_5432_TCP_ADDR={address}\n" in environment
    )
    assert json.loads(engine.docker("inspect", "app", "-f", "{{json .HostConfig.Links}}").stdout) == ["/db:/app/store"]
    engine.docker("stop", "-t", "0", "db")
    stopped = refused(engine, "run", "--link", "db", "busybox", "true")
    assert "Cannot link to a non running container: /db AS /" in stopped


@pytest.mark.min_api("1.44")
def test_a_macvlan(engine: RunningEngine) -> None:
    here = Host(engine.namespace)
    here.run("ip", "link", "add", "lan", "type", "veth", "peer", "name", "lan-end")
    here.run("ip", "link", "set", "lan", "up")
    here.run("ip", "link", "set", "lan-end", "up")
    here.run("ip", "addr", "add", "10.94.0.1/24", "dev", "lan-end")
    try:
        made(engine, "-d", "macvlan", "--subnet", "10.94.0.0/24", "-o", "parent=lan", "wire")
        box = running(engine, "--network", "wire", "--ip", "10.94.0.20")
        assert "10.94.0.20/24" in shown(engine, box, "busybox ip addr show eth0")
        assert engine.docker("exec", box, "busybox", "ping", "-c", "1", "-W", "2", "10.94.0.1").returncode == 0
        passthru = ("-o", "parent=lan", "-o", "macvlan_mode=passthru")
        used = refused(engine, "network", "create", "-d", "macvlan", "--subnet", "10.93.0.0/24", *passthru, "x")
        assert "already using parent interface lan" in used
        engine.docker("rm", "-f", box)
        assert "macvlan" not in here.run("ip", "-d", "link")
    finally:
        here.run("ip", "link", "del", "lan")


def test_configuration_only(engine: RunningEngine) -> None:
    made(engine, "--config-only", "--subnet", "10.97.0.0/24", "template")
    made(engine, "--config-from", "template", "real")
    real = inspected(engine, "real")
    assert (real["IPAM"]["Config"][0]["Subnet"], real["ConfigFrom"]) == ("10.97.0.0/24", {"Network": "template"})
    assert inspected(engine, "template")["ConfigOnly"] is True
    assert "template" in refused(engine, "network", "rm", "template")


def test_events(engine: RunningEngine) -> None:
    network = made(engine, "seen")
    box = engine.docker("run", "-d", "--rm", "--network", "seen", "busybox", "true").stdout.strip()
    engine.docker("wait", box)
    while engine.docker("inspect", box).returncode == 0:
        pass
    engine.docker("network", "rm", "seen")
    now = int(time.time())
    command = ["events", "--since", f"{now - 60}", "--until", f"{now + 1}", "--filter", f"network={network}"]
    events = engine.docker(
        *command, "--format", "{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.container}}"
    )
    assert events.stdout.splitlines() == [
        "create seen <no value>",
        f"connect seen {box}",
        f"disconnect seen {box}",
        "destroy seen <no value>",
    ]


def test_networks_outlive_the_engine(engine: RunningEngine) -> None:
    made(engine, "--subnet", "10.98.0.0/24", "--label", "x=y", "lasting")
    before = inspected(engine, "lasting")
    before["IPAM"]["Config"][0]["Gateway"] = "10.98.0.1"  # which older ones show from the first restart on
    engine.docker("create", "--name", "later", "--network", "lasting", "--ip", "10.98.0.9", "busybox", "sleep", "600")
    engine.stop()
    engine.start()
    assert inspected(engine, "lasting") == before
    engine.docker("start", "later")
    assert settings(engine, "later")["Networks"]["lasting"]["IPAddress"] == "10.98.0.9"


def test_fifty_at_once(engine: RunningEngine) -> None:
    made(engine, "busy")
    box = running(engine, "--name", "torn")

    def pull(number: int) -> int:
        verb = "connect" if number % 2 else "disconnect"
        return engine.docker("network", verb, "busy", "torn", timeout=60).returncode

    with ThreadPoolExecutor(16) as many:
        assert 0 in list(many.map(pull, range(50)))
    engine.docker("network", "connect", "busy", "torn")
    on = settings(engine, box)["Networks"]
    assert set(on) == {"bridge", "busy"}
    shown_devices = shown(engine, box, "busybox ip -o addr show scope global | grep -c eth")
    assert shown_devices == "2\n"
    assert inspected(engine, "busy")["Containers"][box]["IPv4Address"] == f"{on['busy']['IPAddress']}/16"


def test_twenty_containers_at_once(engine: RunningEngine) -> None:
    made(engine, "--subnet", "10.90.0.0/24", "crowd")

    def begin(number: int) -> str:
        return running(engine, "--name", f"one{number}", "--network", "crowd", "-p", "80")

    with ThreadPoolExecutor(10) as many:
        boxes = list(many.map(begin, range(20)))
    addresses = [settings(engine, box)["Networks"]["crowd"]["IPAddress"] for box in boxes]
    ports = [settings(engine, box)["Ports"]["80/tcp"][0]["HostPort"] for box in boxes]
    assert sorted(addresses) == sorted(f"10.90.0.{n}" for n in range(2, 22))
    assert len(set(ports)) == 20
