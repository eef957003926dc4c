"""Networks on a device of the host's: macvlan and ipvlan in all their modes, VLANs, and devices that lead nowhere."""

from collections.abc import Iterator

import pytest

from conformance.engines import RunningEngine
from conformance.hosts import Host
from conformance.test_networks import made, refused, running, settings, shown

MISSING = "--subnet", "10.95.0.0/24"


@pytest.fixture(autouse=True)
def clean(engine: RunningEngine) -> Iterator[None]:
    yield
    engine.docker("rm", "-f", *engine.docker("ps", "-aq").stdout.split())
    engine.docker("network", "prune", "-f")


@pytest.fixture
def lan(engine: RunningEngine) -> Iterator[Host]:
    """`lan` is a device of the host's; at its other end somebody is 10.95.0.1, and fd95::1."""
    here = Host(engine.namespace)
    here.run("ip", "link", "add", "lan", "type", "veth", "peer", "name", "lan-end")
    for device in ("lan", "lan-end"):
        here.run("ip", "link", "set", device, "up")
    here.run("ip", "addr", "add", "10.95.0.1/24", "dev", "lan-end")
    yield here
    here.run("ip", "link", "del", "lan")


def answers(engine: RunningEngine, box: str, address: str) -> bool:
    return engine.docker("exec", box, "busybox", "ping", "-c", "1", "-W", "2", address).returncode == 0


@pytest.mark.modules("macvlan")
@pytest.mark.parametrize("mode", ["bridge", "vepa", "private", "passthru"])
def test_macvlan_modes(engine: RunningEngine, lan: Host, mode: str) -> None:
    made(engine, "-d", "macvlan", *MISSING, "-o", "parent=lan", "-o", f"macvlan_mode={mode}", "wire")
    box = running(engine, "--network", "wire", "--ip", "10.95.0.20")
    assert answers(engine, box, "10.95.0.1")
    if mode in ("bridge", "private"):
        other = running(engine, "--network", "wire")
        assert answers(engine, other, "10.95.0.20") is (mode == "bridge")


@pytest.mark.modules("macvlan")
def test_networks_share_a_parent(engine: RunningEngine, lan: Host) -> None:
    made(engine, "-d", "macvlan", *MISSING, "-o", "parent=lan", "wire")
    made(engine, "-d", "macvlan", "--subnet", "10.96.0.0/24", "-o", "parent=lan", "other")
    assert answers(engine, running(engine, "--network", "wire"), "10.95.0.1")
    whole = "-o", "parent=lan", "-o", "macvlan_mode=passthru"
    text = refused(engine, "network", "create", "-d", "macvlan", "--subnet", "10.97.0.0/24", *whole, "third")
    assert text.startswith("cannot use mode passthru, macvlan network ")
    assert text.endswith(" is already using parent interface lan")


@pytest.mark.modules("ipvlan")
@pytest.mark.parametrize("flag", ["bridge", "private", "vepa"])
def test_ipvlan_l2(engine: RunningEngine, lan: Host, flag: str) -> None:
    made(engine, "-d", "ipvlan", *MISSING, "-o", "parent=lan", "-o", f"ipvlan_flag={flag}", "wire")
    box = running(engine, "--network", "wire", "--ip", "10.95.0.20")
    assert answers(engine, box, "10.95.0.1")
    assert (
        "default via 10.95.0.1" in shown(engine, box, "busybox ip route")
        or (settings(engine, box)["Networks"]["wire"]["Gateway"]) == "10.95.0.1"
    )
    other = running(engine, "--network", "wire")
    assert answers(engine, other, "10.95.0.20") is (flag == "bridge")


@pytest.mark.modules("ipvlan")
@pytest.mark.parametrize("mode", ["l3", "l3s"])
def test_ipvlan_l3_has_no_gateway(engine: RunningEngine, lan: Host, mode: str) -> None:
    made(engine, "-d", "ipvlan", *MISSING, "-o", "parent=lan", "-o", f"ipvlan_mode={mode}", "wire")
    box, other = running(engine, "--network", "wire", "--ip", "10.95.0.20"), running(engine, "--network", "wire")
    assert shown(engine, box, "busybox ip route").splitlines()[0].strip() == "default dev eth0 scope link"
    assert settings(engine, box)["Networks"]["wire"]["Gateway"] == ""
    assert answers(engine, other, "10.95.0.20")


@pytest.mark.modules("ipvlan")
def test_ipvlan_comes_and_goes_while_it_runs(engine: RunningEngine, lan: Host) -> None:
    made(engine, "-d", "ipvlan", *MISSING, "-o", "parent=lan", "wire")
    box = running(engine)
    assert engine.docker("network", "connect", "wire", box).returncode == 0
    assert answers(engine, box, "10.95.0.1")
    assert engine.docker("network", "disconnect", "wire", box).returncode == 0
    assert "eth1" not in shown(engine, box, "busybox ip link")
    assert "eth0" in shown(engine, box, "busybox ip link")


@pytest.mark.modules("macvlan", "8021q")
def test_a_vlan_comes_with_the_first_network_and_goes_with_the_last(engine: RunningEngine, lan: Host) -> None:
    made(engine, "-d", "macvlan", *MISSING, "-o", "parent=lan.10", "ten")
    made(engine, "-d", "macvlan", "--subnet", "10.96.0.0/24", "-o", "parent=lan.10", "eleven")
    assert "vlan protocol 802.1Q id 10 " in lan.run("ip", "-d", "link", "show", "lan.10")
    engine.docker("network", "rm", "ten")
    assert "lan.10" in lan.run("ip", "link")
    engine.docker("network", "rm", "eleven")
    assert "lan.10" not in lan.run("ip", "link")


@pytest.mark.modules("macvlan", "8021q")
def test_a_vlan_of_the_users_stays(engine: RunningEngine, lan: Host) -> None:
    lan.run("ip", "link", "add", "link", "lan", "name", "lan.20", "type", "vlan", "id", "20")
    made(engine, "-d", "macvlan", *MISSING, "-o", "parent=lan.20", "twenty")
    engine.docker("network", "rm", "twenty")
    assert "lan.20" in lan.run("ip", "link")


@pytest.mark.modules("macvlan", "ipvlan", "dummy")
@pytest.mark.parametrize(("driver", "prefix"), [("macvlan", "dm-"), ("ipvlan", "di-")])
def test_without_a_parent_containers_have_each_other(engine: RunningEngine, driver: str, prefix: str) -> None:
    network = made(engine, "-d", driver, *MISSING, "alone")
    here = Host(engine.namespace)
    assert prefix + network[:12] in here.run("ip", "link")
    running(engine, "--network", "alone", "--ip", "10.95.0.20")
    assert answers(engine, running(engine, "--network", "alone"), "10.95.0.20")
    engine.docker("rm", "-f", *engine.docker("ps", "-aq").stdout.split())
    engine.docker("network", "rm", "alone")
    assert prefix + network[:12] not in here.run("ip", "link")


@pytest.mark.parametrize(
    ("driver", "options", "text"),
    [
        ("macvlan", ["parent=nowhere"], "invalid subinterface vlan name nowhere, example formatting is eth0.10"),
        ("macvlan", ["parent=lo.4095"], "vlan id must be between 1-4094, received: 4095"),
        ("ipvlan", ["parent=nowhere.7"], "-o parent interface was not found on the host: nowhere"),
        ("ipvlan", ["parent=lo.x"], "unable to parse a valid vlan id from: x (ex. eth0.10 for vlan 10)"),
        ("ipvlan", ["parent=lo"], "loopback interface is not a valid ipvlan parent link"),
        (
            "ipvlan",
            ["ipvlan_mode=l4"],
            "requested ipvlan mode 'l4' is not valid, 'l2' mode is the ipvlan driver default",
        ),
        ("ipvlan", ["ipvlan_flag=x"], "requested ipvlan flag 'x' is not valid, 'bridge' is the ipvlan driver default"),
    ],
)
def test_what_is_refused(engine: RunningEngine, driver: str, options: list[str], text: str) -> None:
    flags = [word for option in options for word in ("-o", option)]
    assert refused(engine, "network", "create", "-d", driver, *MISSING, *flags, "x").endswith(text)
    assert "x" not in engine.docker("network", "ls", "--format", "{{.Name}}").stdout.split()
