"""How a bridge network's gateway treats what comes from outside, and the bridge's other options."""

from collections.abc import Iterator

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import ENGINE_ADDRESS, OTHER_ADDRESS, REFUSED, TIMED_OUT, Host, neighbour, serve, wait_serving
from conformance.test_network_flags import restarted
from conformance.test_networks import made, refused, running, settings, shown

pytestmark = pytest.mark.min_api("1.48")
V4, V6 = "com.docker.network.bridge.gateway_mode_ipv4", "com.docker.network.bridge.gateway_mode_ipv6"
TRUSTED = "com.docker.network.bridge.trusted_host_interfaces"
SUBNET = "--subnet", "172.29.0.0/24"


@pytest.fixture(autouse=True)
def clean(engine: RunningEngine) -> Iterator[None]:
    yield
    engine.docker("rm", "-f", *engine.docker("ps", "-aq").stdout.split())
    engine.docker("network", "prune", "-f")


def address(engine: RunningEngine, box: str) -> str:
    (endpoint,) = settings(engine, box)["Networks"].values()
    return str(endpoint["IPAddress"])


def who_calls(engine: RunningEngine, network: str, port: int) -> str:
    """As the other host sees it."""
    call = f"echo ahoy | nc -w 3 {OTHER_ADDRESS} {port}"
    return engine.docker("run", "--rm", "--network", network, "busybox", "sh", "-c", call).stdout.strip()


def test_routed_containers_are_called_by_their_own_address(engine: RunningEngine) -> None:
    made(engine, *SUBNET, "-o", f"{V4}=routed", "plain")
    with neighbour(engine) as other:
        box = serve(engine, "--network", "plain", "-p", "8091:80")
        hidden = serve(engine, "--network", "plain")
        wait_serving(Host(engine.namespace), address(engine, box), 80)
        assert other.tcp(address(engine, box), 80) == "hello"
        assert other.tcp(address(engine, hidden), 80) == TIMED_OUT
        assert other.tcp(ENGINE_ADDRESS, 8091) == REFUSED
        other.run("busybox", "ping", "-c", "1", "-W", "2", address(engine, hidden))
        assert settings(engine, box)["Ports"]["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": ""}]
        assert "80/tcp" in engine.docker("ps").stdout
        engine.kill()
        engine.start()
        assert other.tcp(address(engine, box), 80) == "hello"
        kept = address(engine, box)
        engine.docker("rm", "-f", box)
        serve(engine, "--network", "plain", "--ip", kept)
        assert other.tcp(kept, 80) == TIMED_OUT


def test_routed_addresses_are_kept_on_the_way_out(engine: RunningEngine) -> None:
    made(engine, *SUBNET, "-o", f"{V4}=routed", "plain")
    made(engine, "--subnet", "172.28.0.0/24", "nat")
    masqueraded = Host(engine.namespace).run("nft", "list", "set", "ip", "seaway", "masqueraded")
    assert "172.28.0.0/24" in masqueraded
    assert "172.29.0.0/24" not in masqueraded


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
def test_containers_call_from_the_address_that_their_network_names(engine: RunningEngine, backend: str) -> None:
    with restarted(engine, f"--firewall-backend={backend}") as here, neighbour(engine) as other:
        here.run("ip", "addr", "add", "192.0.2.9/24", "dev", "wire")
        made(engine, *SUBNET, "-o", "com.docker.network.host_ipv4=192.0.2.9", "own")
        made(engine, "--subnet", "172.28.0.0/24", "any")
        with other.answering_with_callers_address(7000):
            for network, seen in (("own", "192.0.2.9"), ("any", ENGINE_ADDRESS)):
                assert who_calls(engine, network, 7000) == seen
        engine.docker("network", "rm", "own")
        made(engine, *SUBNET, "own")
        with other.answering_with_callers_address(7001):
            assert who_calls(engine, "own", 7001) == ENGINE_ADDRESS


def test_callers_keep_their_addresses_without_masquerading(engine: RunningEngine) -> None:
    made(engine, *SUBNET, "-o", "com.docker.network.bridge.enable_ip_masquerade=false", "plain")
    with neighbour(engine) as other, other.answering_with_callers_address(7000):
        assert who_calls(engine, "plain", 7000) == "172.29.0.2"


def test_each_family_has_its_address_to_call_from(engine: RunningEngine) -> None:
    made(engine, *SUBNET, "--ipv6", "--subnet", "fd29::/64", "-o", "com.docker.network.host_ipv6=fd99::9", "six")
    here = Host(engine.namespace)
    six, four = (here.run("nft", "list", "map", family, "seaway", "sources") for family in ("ip6", "ip"))
    assert 'fd29::/64 comment "network six" : fd99::9' in six
    assert "172.29.0.0/24" not in four


def test_interfaces_are_called_as_their_network_says(engine: RunningEngine) -> None:
    prefix = "com.docker.network.container_iface_prefix"
    made(engine, *SUBNET, "-o", f"{prefix}=lan", "lan")
    made(engine, "--subnet", "172.28.0.0/24", "plain")
    box = running(engine, "--network", "lan")
    engine.docker("network", "connect", "plain", box)
    assert "172.29.0.2/24" in shown(engine, box, "busybox ip addr show lan0")
    assert "172.28.0.2/24" in shown(engine, box, "busybox ip addr show eth0")
    for wrong in ("a/b", "fifteen-letters"):
        said = refused(engine, "network", "create", "-o", f"{prefix}={wrong}", "x")
        assert said.endswith(f"failed to parse {prefix} value: {wrong} (no name of a device)")


def test_each_family_has_its_mode(engine: RunningEngine) -> None:
    made(engine, *SUBNET, "--ipv6", "--subnet", "fd29::/64", "-o", f"{V6}=routed", "mixed")
    box = serve(engine, "--network", "mixed", "-p", "8092:80")
    assert settings(engine, box)["Ports"]["80/tcp"] == [
        {"HostIp": "::", "HostPort": ""},
        {"HostIp": "0.0.0.0", "HostPort": "8092"},
    ]
    here = Host(engine.namespace)
    wait_serving(here, ENGINE_ADDRESS if "192.0.2.1" in here.run("ip", "addr") else "127.0.0.1", 8092)
    assert "fd29::2 . 80" in here.run("nft", "list", "set", "ip6", "seaway", "open")
    assert "fd29::/64" not in here.run("nft", "list", "set", "ip6", "seaway", "masqueraded")
    assert "172.29.0.0/24" in here.run("nft", "list", "set", "ip", "seaway", "masqueraded")


def test_nat_unprotected_opens_every_port(engine: RunningEngine) -> None:
    made(engine, *SUBNET, "-o", f"{V4}=nat-unprotected", "open")
    with neighbour(engine) as other:
        box = serve(engine, "--network", "open")
        wait_serving(Host(engine.namespace), address(engine, box), 80)
        assert other.tcp(address(engine, box), 80) == "hello"


def test_isolated_has_no_address_on_the_host(engine: RunningEngine) -> None:
    both = "-o", f"{V4}=isolated", "-o", f"{V6}=isolated", "-o", "com.docker.network.bridge.name=br-alone"
    made(engine, *SUBNET, "--ipv6", "--subnet", "fd29::/64", "--internal", *both, "alone")
    addresses = Host(engine.namespace).run("ip", "addr", "show", "br-alone")
    assert "172.29.0.1" not in addresses
    assert "fd29::1" not in addresses
    box, other = running(engine, "--network", "alone"), running(engine, "--network", "alone")
    reached = engine.docker("exec", box, "busybox", "ping", "-c", "1", "-W", "2", address(engine, other))
    assert reached.returncode == 0
    text = refused(engine, "network", "create", "-o", f"{V4}=isolated", "x")
    assert text.endswith("gateway mode 'isolated' can only be used for an internal network")


def test_inhibit_leaves_the_bridge_to_the_administrator(engine: RunningEngine) -> None:
    own = "-o", "com.docker.network.bridge.inhibit_ipv4=true", "-o", "com.docker.network.bridge.name=br-mine"
    made(engine, *SUBNET, "--gateway", "172.29.0.254", *own, "mine")
    assert "172.29" not in Host(engine.namespace).run("ip", "addr", "show", "br-mine")
    assert "default via 172.29.0.254" in shown(engine, running(engine, "--network", "mine"), "busybox ip route")


def test_direct_routing_is_allowed_to_published_ports(engine: RunningEngine) -> None:
    with restarted(engine, "--allow-direct-routing") as here, neighbour(engine) as other:
        made(engine, *SUBNET, "net")
        box, hidden = serve(engine, "--network", "net", "-p", "8093:80"), serve(engine, "--network", "net")
        wait_serving(here, "127.0.0.1", 8093)
        assert other.tcp(address(engine, box), 80) == "hello"
        assert other.tcp(address(engine, hidden), 80) == TIMED_OUT


def test_packets_with_a_mark_are_let_in(engine: RunningEngine) -> None:
    with restarted(engine, "--bridge-accept-fwmark=0x1/0x3") as here, neighbour(engine) as other:
        made(engine, *SUBNET, "net")
        box = serve(engine, "--network", "net")
        wait_serving(here, address(engine, box), 80)
        assert other.tcp(address(engine, box), 80) == TIMED_OUT
        here.run("nft", "add table ip marks; add chain ip marks pre { type filter hook prerouting priority -150; }")
        here.run("nft", "add rule ip marks pre iifname wire meta mark set 5")
        assert other.tcp(address(engine, box), 80) == "hello"
        here.run("nft", "delete table ip marks")


def test_no_rules_for_ipv6(engine: RunningEngine) -> None:
    with restarted(engine, "--ip6tables=false") as here:
        made(engine, *SUBNET, "--ipv6", "--subnet", "fd29::/64", "net")
        assert "br-" not in here.run("nft", "list", "set", "ip6", "seaway", "bridges")
        assert "br-" in here.run("nft", "list", "set", "ip", "seaway", "bridges")


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("bridge.gateway_mode_ipv4=x", "unknown gateway mode x"),
        ("bridge.gateway_mode_ipv6=x", "unknown gateway mode x"),
        ("bridge.host_binding_ipv4=x", "failed to parse com.docker.network.bridge.host_binding_ipv4 value: x (nil ip)"),
        (
            "bridge.enable_icc=x",
            "failed to parse com.docker.network.bridge.enable_icc value: x "
            '(strconv.ParseBool: parsing "x": invalid syntax)',
        ),
        (
            "driver.mtu=x",
            'failed to parse com.docker.network.driver.mtu value: x (strconv.Atoi: parsing "x": invalid syntax)',
        ),
        ("driver.mtu=-3", "invalid MTU number: -3"),
    ],
)
def test_options_that_say_nothing(engine: RunningEngine, option: str, text: str) -> None:
    assert refused(engine, "network", "create", "-o", f"com.docker.network.{option}", "x").endswith(text)


@pytest.mark.parametrize("backend", ["nftables", "iptables"])
@pytest.mark.seaway_only("restarts the engine")
def test_trusted_interfaces_reach_published_ports_directly(engine: RunningEngine, backend: str) -> None:
    with restarted(engine, f"--firewall-backend={backend}"), neighbour(engine) as other:
        made(engine, *SUBNET, "-o", f"{TRUSTED}=nowhere:wire", "near")
        made(engine, "--subnet", "172.28.0.0/24", "-o", f"{TRUSTED}=nowhere", "far")
        box, far = (serve(engine, "--network", name, "-p", "127.0.0.1::80") for name in ("near", "far"))
        hidden = serve(engine, "--network", "near")
        wait_serving(Host(engine.namespace), address(engine, box), 80)
        assert other.tcp(address(engine, box), 80) == "hello"
        assert other.tcp(address(engine, far), 80) == TIMED_OUT
        assert other.tcp(address(engine, hidden), 80) == TIMED_OUT
        kept = address(engine, box)
        engine.docker("rm", "-f", box)
        serve(engine, "--network", "near", "--ip", kept)
        assert other.tcp(kept, 80) == TIMED_OUT
        engine.docker("rm", "-f", *engine.docker("ps", "-aq").stdout.split())
        engine.docker("network", "prune", "-f")


def test_a_trusted_interface_is_a_name_of_one(engine: RunningEngine) -> None:
    text = refused(engine, "network", "create", "-o", f'{TRUSTED}=eth0:" drop', "odd")
    assert text.endswith(f'failed to parse {TRUSTED} value: " drop (no name of a device)')
