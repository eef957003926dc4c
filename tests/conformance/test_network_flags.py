"""The engine's own network options: each engine here is started with its flags."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import ENGINE_ADDRESS, REFUSED, TIMED_OUT, Host, neighbour, sctp_arrives, serve, wait_serving


@contextmanager
def restarted(engine: RunningEngine, *flags: str) -> Iterator[Host]:
    engine.stop()
    engine.start(*flags)
    try:
        yield Host(engine.namespace)
    finally:
        if ids := engine.docker("ps", "-aq").stdout.split():
            engine.docker("rm", "-f", *ids)
        engine.stop()
        engine.start()


def network(engine: RunningEngine, name: str = "bridge") -> dict[str, Any]:
    (found,) = json.loads(engine.docker("network", "inspect", name).stdout)
    return dict(found)


def sh(engine: RunningEngine, script: str, *options: str) -> str:
    return engine.docker("run", "--rm", *options, "busybox", "sh", "-c", script).stdout


def test_the_bridges_own_addresses(engine: RunningEngine) -> None:
    with restarted(
        engine, "--bip=10.77.0.5/24", "--fixed-cidr=10.77.0.64/26", "--mtu=1400", "--default-gateway=10.77.0.9"
    ):
        shown = sh(engine, "busybox ip addr show eth0; busybox ip route")
        assert "inet 10.77.0.64/24" in shown
        assert "mtu 1400" in shown
        assert "default via 10.77.0.9" in shown
        assert network(engine)["IPAM"]["Config"][0] == {
            "Subnet": "10.77.0.0/24",
            "IPRange": "10.77.0.64/26",
            "Gateway": "10.77.0.5",
            "AuxiliaryAddresses": {"DefaultGatewayIPv4": "10.77.0.9"},
        }


def test_no_bridge_no_network(engine: RunningEngine) -> None:
    with restarted(engine, "--bridge=none"):
        assert engine.docker("network", "ls", "-q", "--filter", "name=bridge").stdout == ""
        assert "eth0" not in sh(engine, "busybox ip link")


def test_containers_of_one_bridge_apart(engine: RunningEngine) -> None:
    with restarted(engine, "--icc=false") as here:
        web = serve(engine, "--name", "web")
        address = engine.docker("inspect", web, "-f", "{{.NetworkSettings.IPAddress}}").stdout.strip()
        wait_serving(here, address, 80)
        assert sh(engine, f"echo ahoy | nc -w 1 {address} 80") == ""


def test_without_rules_the_proxy_serves_alone(engine: RunningEngine) -> None:
    with restarted(engine, "--iptables=false") as here, neighbour(engine) as other:
        assert "table ip seaway" not in here.run("nft", "list", "tables")
        serve(engine, "-p", "8080:80")
        wait_serving(here, "127.0.0.1", 8080)
        assert other.tcp(ENGINE_ADDRESS, 8080) == "hello"


def test_without_the_proxy_the_rules_serve_loopback_too(engine: RunningEngine) -> None:
    with restarted(engine, "--userland-proxy=false") as here, neighbour(engine) as other:
        web = serve(engine, "-p", "8080:80", "-p", "127.0.0.1:8081:80")
        wait_serving(here, ENGINE_ADDRESS, 8080)
        assert here.tcp("127.0.0.1", 8080) == "hello"
        assert here.tcp("127.0.0.1", 8081) == "hello"
        assert other.tcp(ENGINE_ADDRESS, 8080) == "hello"
        assert other.tcp(ENGINE_ADDRESS, 8081) == REFUSED
        assert sh(engine, f"echo ahoy | nc -w 2 {ENGINE_ADDRESS} 8080") == "hello\n"
        hairpin = engine.docker("exec", web, "sh", "-c", f"echo ahoy | nc -w 2 {ENGINE_ADDRESS} 8080 & sleep 1")
        assert hairpin.stdout == "hello\n"


def test_where_ports_are_published_by_default(engine: RunningEngine) -> None:
    with restarted(engine, "--ip=127.0.0.1") as here, neighbour(engine) as other:
        serve(engine, "-p", "8080:80")
        wait_serving(here, "127.0.0.1", 8080)
        assert other.tcp(ENGINE_ADDRESS, 8080) == REFUSED


def test_addresses_are_kept_without_masquerading(engine: RunningEngine) -> None:
    """The other host sees the container's own address, to which it knows the way."""
    for flags, seen in ((("--ip-masq=false",), "172.17.0.2"), ((), ENGINE_ADDRESS)):
        with restarted(engine, *flags), neighbour(engine) as other, other.answering_with_callers_address(7000):
            assert sh(engine, "echo ahoy | nc -w 3 192.0.2.2 7000").strip() == seen


def test_a_bridge_of_the_users(engine: RunningEngine) -> None:
    host = Host(engine.namespace)
    for command in ("link add lan0 type bridge", "addr add 10.79.0.7/24 dev lan0", "link set lan0 up"):
        host.run("ip", *command.split())
    try:
        with restarted(engine, "--bridge=lan0"):
            shown = network(engine)
            assert shown["Options"]["com.docker.network.bridge.name"] == "lan0"
            assert shown["IPAM"]["Config"] == [{"Subnet": "10.79.0.0/24", "Gateway": "10.79.0.7"}]
            seen = sh(
                engine, "busybox ip addr show eth0; busybox ip route; ping -c 1 -W 2 10.79.0.7 >/dev/null && echo up"
            )
            assert "inet 10.79.0.1/24" in seen
            assert "default via 10.79.0.7" in seen
            assert "up" in seen
        assert "10.79.0.7/24" in host.run("ip", "addr", "show", "lan0")
    finally:
        host.run("ip", "link", "del", "lan0")


def test_forwarding_is_left_to_the_administrator(engine: RunningEngine) -> None:
    engine.stop()
    host = Host(engine.namespace)
    host.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
    engine.start()
    with restarted(engine, "--ip-forward=false"):
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        assert engine.docker("info", "-f", "{{.IPv4Forwarding}}").stdout == "false\n"
        warned = engine.docker("run", "--rm", "busybox", "true")
        assert "IPv4 forwarding is disabled. Networking will not work." in warned.stderr
        assert warned.returncode == 0
        engine.stop()
        engine.start("--ip-forward=false")
        assert host.run("sysctl", "-n", "net.ipv4.ip_forward") == "0\n"
    assert host.run("sysctl", "-n", "net.ipv4.ip_forward") == "1\n"


@pytest.mark.seaway_only("dockerd 20.10 publishes none where the kernel has no SCTP")
def test_sctp(engine: RunningEngine) -> None:
    """This kernel may have no SCTP of its own: an INIT chunk is sent and received by hand."""
    with restarted(engine, "--userland-proxy=false"), neighbour(engine) as other:
        web = serve(engine, "-p", "7000:80/sctp")
        assert engine.docker("port", web, "80/sctp").stdout.splitlines()[0] == "0.0.0.0:7000"
        assert sctp_arrives(engine, web, other, 7000) == "80"
        assert sctp_arrives(engine, web, other, 7001) == TIMED_OUT
        engine.docker("rm", "-f", web)


def test_resolvers_for_everybody(engine: RunningEngine) -> None:
    flags = ("--dns=9.9.9.9", "--dns-search=lan", "--dns-opt=timeout:3", "--host-gateway-ip=192.0.2.50")
    with restarted(engine, *flags):
        resolv_conf = sh(engine, "cat /etc/resolv.conf").splitlines()
        assert sorted(line for line in resolv_conf if line and line[0] != "#") == [
            "nameserver 9.9.9.9",
            "options timeout:3",
            "search lan",
        ]
        assert "nameserver 8.8.8.8" in sh(engine, "cat /etc/resolv.conf", "--dns", "8.8.8.8")
        assert "192.0.2.50\thome\n" in sh(engine, "cat /etc/hosts", "--add-host", "home:host-gateway")


def test_pools_of_networks(engine: RunningEngine) -> None:
    """The default bridge has the first piece."""
    with restarted(engine, "--default-address-pool=base=10.78.0.0/23,size=24"):
        assert network(engine)["IPAM"]["Config"][0]["Subnet"] == "10.78.0.0/24"
        assert "inet 10.78.0.2/24" in sh(engine, "busybox ip addr show eth0")
        engine.docker("network", "create", "one")
        assert network(engine, "one")["IPAM"]["Config"][0]["Subnet"] == "10.78.1.0/24"
        used_up = engine.docker("network", "create", "two").stderr
        old = "could not find an available, non-overlapping IPv4 address pool among the defaults"
        assert engine.words("all predefined address pools have been fully subnetted", old=old) in used_up
        engine.docker("network", "rm", "one")
    kept = "10.78.0.0/24" if engine.api_version < (1, 44) else "172.17.0.0/16"  # older ones stay where they are
    assert network(engine)["IPAM"]["Config"][0]["Subnet"] == kept


@pytest.mark.seaway_only("dockerd 20.10 has no such flag")
def test_options_of_new_networks(engine: RunningEngine) -> None:
    with restarted(engine, "--default-network-opt=bridge=com.docker.network.driver.mtu=1300"):
        engine.docker("network", "create", "one")
        assert network(engine, "one")["Options"] == {"com.docker.network.driver.mtu": "1300"}
        assert "mtu 1300" in sh(engine, "busybox ip link show eth0", "--network", "one")
        engine.docker("network", "rm", "one")


@pytest.mark.seaway_only("dockerd 20.10 takes the address from the MAC address")
def test_the_default_bridge_with_ipv6(engine: RunningEngine) -> None:
    with restarted(engine, "--ipv6", "--fixed-cidr-v6=fd00:77::/64"):
        shown = sh(engine, "busybox ip addr show eth0; busybox ip -6 route")
        assert "inet6 fd00:77::2/64" in shown
        assert "default via fd00:77::1" in shown


@pytest.mark.seaway_only("dockerd 20.10 has no --bip6")
def test_the_bridges_own_ipv6_addresses(engine: RunningEngine) -> None:
    flags = ("--ipv6", "--bip6=fd00:77::5/64", "--fixed-cidr-v6=fd00:77::40/122", "--default-gateway-v6=fd00:77::9")
    with restarted(engine, *flags) as here:
        shown = sh(engine, "busybox ip addr show eth0; busybox ip -6 route")
        assert "inet6 fd00:77::40/64" in shown
        assert "default via fd00:77::9" in shown
        assert "inet6 fd00:77::5/64" in here.run("ip", "addr", "show", "docker0")
        assert network(engine)["IPAM"]["Config"][1] == {
            "Subnet": "fd00:77::/64",
            "IPRange": "fd00:77::40/122",
            "Gateway": "fd00:77::5",
            "AuxiliaryAddresses": {"DefaultGatewayIPv6": "fd00:77::9"},
        }


def test_a_gateway_elsewhere_is_refused(engine: RunningEngine) -> None:
    said = engine.refusal("--bip=10.77.0.5/24", "--default-gateway=10.99.0.1")
    text = "auxiliary address: (DefaultGatewayIPv4:10.99.0.1) must belong to the master pool: 10.77.0.0/24"
    assert text in said
    assert "Traceback" not in said
