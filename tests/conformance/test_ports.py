"""Published ports, called from the engine's host and from another one."""

import json
import subprocess
import sys

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import ENGINE_ADDRESS, REFUSED, TIMED_OUT, Host, serve, serving_udp, wait_serving


@pytest.fixture(scope="module")
def here(engine: RunningEngine) -> Host:
    return Host(engine.namespace)


def ports_of(engine: RunningEngine, container: str) -> dict[str, list[dict[str, str]] | None]:
    shown = engine.docker("inspect", container, "-f", "{{json .NetworkSettings.Ports}}").stdout
    ports: dict[str, list[dict[str, str]] | None] = json.loads(shown)
    return ports


def address_of(engine: RunningEngine, container: str) -> str:
    return engine.docker("inspect", container, "-f", "{{.NetworkSettings.IPAddress}}").stdout.strip()


def test_a_published_port_answers_everybody(engine: RunningEngine, here: Host, other: Host) -> None:
    web = serve(engine, "-p", "8080:80")
    wait_serving(here, "127.0.0.1", 8080)
    for address in ("127.0.0.1", "::1", ENGINE_ADDRESS):
        assert here.tcp(address, 8080) == "hello"
    assert other.tcp(ENGINE_ADDRESS, 8080) == "hello"
    bindings = ports_of(engine, web)["80/tcp"] or []
    assert [b["HostPort"] for b in bindings] == ["8080", "8080"]
    assert {b["HostIp"] for b in bindings} == {"0.0.0.0", "::"}
    assert "0.0.0.0:8080->80/tcp" in engine.docker("ps", "--format", "{{.Ports}}").stdout
    engine.docker("rm", "-f", web)
    assert here.tcp("127.0.0.1", 8080) == REFUSED


def test_another_container_reaches_it_by_the_hosts_address(engine: RunningEngine, here: Host, other: Host) -> None:
    serve(engine, "-p", "8081:80")
    wait_serving(here, "127.0.0.1", 8081)
    called = engine.docker("run", "--rm", "busybox", "sh", "-c", f"echo ahoy | nc {ENGINE_ADDRESS} 8081")
    assert called.stdout.strip() == "hello"


def test_a_port_on_loopback_is_out_of_others_reach(engine: RunningEngine, here: Host, other: Host) -> None:
    web = serve(engine, "-p", "127.0.0.1:8082:80")
    wait_serving(here, "127.0.0.1", 8082)
    assert here.tcp(ENGINE_ADDRESS, 8082) == REFUSED
    assert other.tcp(ENGINE_ADDRESS, 8082) == REFUSED
    other.run("ip", "route", "replace", "127.0.0.1/32", "via", ENGINE_ADDRESS, "table", "main")
    other.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet")
    other.run("ip", "route", "del", "local", "127.0.0.1", "table", "local")
    here.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet")
    try:
        assert other.tcp("127.0.0.1", 8082) == TIMED_OUT
    finally:
        here.run("sh", "-c", "echo 0 > /proc/sys/net/ipv4/conf/all/route_localnet")
        other.run("ip", "route", "add", "local", "127.0.0.1", "dev", "lo", "table", "local", "src", "127.0.0.1")
        other.run("ip", "route", "del", "127.0.0.1/32")
    engine.docker("rm", "-f", web)


@pytest.mark.seaway_only("dockerd before 28 let a neighbour route straight to a container's port")
def test_nobody_outside_reaches_a_port_that_is_not_published(engine: RunningEngine, here: Host, other: Host) -> None:
    web = serve(engine, "-p", "8083:81")
    address = address_of(engine, web)
    wait_serving(here, address, 80)
    assert other.tcp(address, 80) == TIMED_OUT


def test_udp(engine: RunningEngine, here: Host, other: Host) -> None:
    name = engine.docker("run", "-d", "-p", "5300:53/udp", "busybox", "sleep", "99").stdout.strip()
    assert here.udp("127.0.0.1", 5300) in (REFUSED, TIMED_OUT)
    with serving_udp(engine, name, 53):
        for address in ("127.0.0.1", "::1", ENGINE_ADDRESS):
            assert here.udp(address, 5300) == "hello"
        assert other.udp(ENGINE_ADDRESS, 5300) == "hello"


def test_a_range_and_all_exposed_ports(engine: RunningEngine, here: Host) -> None:
    web = serve(engine, "-p", "9000-9002:80-82")
    assert {k: (v or [{}])[0]["HostPort"] for k, v in ports_of(engine, web).items()} == {
        "80/tcp": "9000",
        "81/tcp": "9001",
        "82/tcp": "9002",
    }
    one_of = serve(engine, "-p", "9000-9005:80")
    assert (ports_of(engine, one_of)["80/tcp"] or [{}])[0]["HostPort"] == "9003"
    every = serve(engine, "-P", "--expose", "80", "--expose", "53/udp")
    assert all(int(b["HostPort"]) >= 1024 for bs in ports_of(engine, every).values() for b in bs or [])
    assert set(ports_of(engine, every)) == {"80/tcp", "53/udp"}
    only_exposed = serve(engine, "--expose", "80")
    assert ports_of(engine, only_exposed) == {"80/tcp": None}


def test_a_taken_port_is_refused_in_dockerds_words(engine: RunningEngine, here: Host) -> None:
    web = serve(engine, "--name", "first", "-p", "8084:80")
    refused = engine.docker("run", "-d", "--name", "second", "-p", "8084:80", "busybox", "sleep", "9")
    assert refused.returncode == 125
    assert "driver failed programming external connectivity on endpoint second (" in refused.stderr
    assert "Bind for 0.0.0.0:8084 failed: port is already allocated" in refused.stderr
    state = json.loads(engine.docker("inspect", "second", "-f", "{{json .State}}").stdout)
    assert (state["Status"], state["ExitCode"]) == ("created", 128)
    engine.docker("rm", "-f", web)
    assert engine.docker("start", "second").returncode == 0


def test_a_port_that_the_host_uses(engine: RunningEngine, here: Host) -> None:
    held = "import socket,sys; s=socket.create_server(('0.0.0.0', 8085)); print(flush=True); sys.stdin.read()"
    command = ["nsenter", f"--net=/run/netns/{here.namespace}", sys.executable, "-c", held]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        refused = engine.docker("run", "-d", "-p", "8085:80", "busybox", "sleep", "9")
        holder.communicate(b"")
    assert "listen tcp4 0.0.0.0:8085: bind: address already in use" in refused.stderr


def test_the_port_stays_over_stop_and_start(engine: RunningEngine, here: Host) -> None:
    web = serve(engine, "-p", "8086:80")
    engine.docker("stop", "-t", "0", web)
    assert ports_of(engine, web) == {}
    assert here.tcp("127.0.0.1", 8086) == REFUSED
    engine.docker("start", web)
    wait_serving(here, "127.0.0.1", 8086)


@pytest.mark.seaway_only("its containers and their ports live without it")
def test_ports_work_while_the_engine_is_dead(engine: RunningEngine, here: Host, other: Host) -> None:
    web = serve(engine, "-p", "8087:80")
    wait_serving(here, "127.0.0.1", 8087)
    engine.kill()
    assert here.tcp("::1", 8087) == "hello"
    assert other.tcp(ENGINE_ADDRESS, 8087) == "hello"
    here.run("ip", "link", "add", "stranger", "type", "veth", "peer", "name", "stranger2")
    engine.start()
    assert here.tcp("127.0.0.1", 8087) == "hello"
    assert "stranger" in here.run("ip", "link")
    here.run("ip", "link", "del", "stranger")
    engine.docker("rm", "-f", web)
    assert here.tcp("127.0.0.1", 8087) == REFUSED
