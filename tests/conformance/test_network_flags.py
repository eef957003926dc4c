"""The engine's own network options: each engine here is started with its flags."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import ENGINE_ADDRESS, REFUSED, Host, neighbour, serve, wait_serving

pytestmark = pytest.mark.seaway_only("restarts the engine with other flags")


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


def bridge(engine: RunningEngine) -> dict[str, object]:
    (found,) = json.loads(engine.docker("network", "inspect", "bridge").stdout)
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
        ipam = bridge(engine)["IPAM"]
        assert isinstance(ipam, dict)
        assert ipam["Config"][0] == {"Subnet": "10.77.0.0/24", "IPRange": "10.77.0.64/26", "Gateway": "10.77.0.5"}


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
    with restarted(engine, "--ip-masq=false") as here:
        table = here.run("nft", "list", "set", "ip", "seaway", "masqueraded")
        assert "172.17.0.0/16" not in table


def test_resolvers_for_everybody(engine: RunningEngine) -> None:
    flags = ("--dns=9.9.9.9", "--dns-search=lan", "--dns-opt=timeout:3", "--host-gateway-ip=192.0.2.50")
    with restarted(engine, *flags):
        resolv_conf = sh(engine, "cat /etc/resolv.conf").splitlines()
        assert [line for line in resolv_conf if line and line[0] != "#"] == [
            "nameserver 9.9.9.9",
            "search lan",
            "options timeout:3",
        ]
        assert "nameserver 8.8.8.8" in sh(engine, "cat /etc/resolv.conf", "--dns", "8.8.8.8")
        assert "192.0.2.50\thome\n" in sh(engine, "cat /etc/hosts", "--add-host", "home:host-gateway")


def test_pools_and_options_of_new_networks(engine: RunningEngine) -> None:
    flags = (
        "--default-address-pool=base=10.78.0.0/16,size=24",
        "--default-network-opt=bridge=com.docker.network.driver.mtu=1300",
    )
    with restarted(engine, *flags):
        for name, subnet in (("one", "10.78.0.0/24"), ("two", "10.78.1.0/24")):
            engine.docker("network", "create", name)
            shown = json.loads(engine.docker("network", "inspect", name).stdout)[0]
            assert shown["IPAM"]["Config"][0]["Subnet"] == subnet
            assert shown["Options"] == {"com.docker.network.driver.mtu": "1300"}
        assert "mtu 1300" in sh(engine, "busybox ip link show eth0", "--network", "one")
        engine.docker("network", "rm", "one", "two")


def test_the_default_bridge_with_ipv6(engine: RunningEngine) -> None:
    with restarted(engine, "--ipv6", "--fixed-cidr-v6=fd00:77::/64"):
        shown = sh(engine, "busybox ip addr show eth0; busybox ip -6 route")
        assert "inet6 fd00:77::2/64" in shown
        assert "default via fd00:77::1" in shown
