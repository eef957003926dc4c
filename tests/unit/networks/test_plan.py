from dataclasses import replace
from ipaddress import IPv4Address

from seaway.networks.network import BridgeSettings, Network, ParentSettings, default_bridge
from seaway.networks.plan import BridgePlan, EndpointPlan, plan_bridge, plan_endpoint

BRIDGE = default_bridge("9" * 64, "", BridgeSettings())
ADDRESS = IPv4Address("172.17.0.2")


def with_settings(**changes: object) -> Network:
    assert BRIDGE.bridge
    return replace(BRIDGE, bridge=replace(BRIDGE.bridge, **changes))  # type: ignore[arg-type]


def test_the_bridge_has_the_gateways_address() -> None:
    assert BRIDGE.bridge
    assert BRIDGE.pool
    assert plan_bridge(BRIDGE.bridge, BRIDGE.pool) == BridgePlan(
        name="docker0",
        mac="02:42:ac:11:00:01",
        address="172.17.0.1",
        prefix_length=16,
        broadcast="172.17.255.255",
        mtu=1500,
    )


def test_an_endpoint() -> None:
    expected = EndpointPlan(
        link="eth0",
        mac="02:42:ac:11:00:02",
        address="172.17.0.2",
        prefix_length=16,
        broadcast="172.17.255.255",
        gateway="172.17.0.1",
        mtu=1500,
        bridge="docker0",
        host_link="veth0123456",
    )
    assert plan_endpoint(BRIDGE, "0123456789ab", ADDRESS) == expected


def test_the_users_choices() -> None:
    network = with_settings(default_gateway="172.17.0.9", link_prefix="wan", mtu=9000)
    plan = plan_endpoint(network, "e1", ADDRESS, mac="02:00:00:00:00:01", number=2, ways_out=frozenset(), proxied=False)
    assert (plan.link, plan.mac, plan.mtu, plan.gateway) == ("wan2", "02:00:00:00:00:01", 9000, "172.17.0.9")
    assert (plan.ways_out, plan.hairpin) == (frozenset(), True)


def test_no_way_out() -> None:
    assert plan_endpoint(replace(BRIDGE, internal=True), "e1", ADDRESS).gateway == ""
    isolated = with_settings(without_address=True)
    assert plan_endpoint(isolated, "e1", ADDRESS).gateway == "172.17.0.1"
    assert isolated.bridge
    assert isolated.pool
    assert plan_bridge(isolated.bridge, isolated.pool).address == ""


def test_a_macvlan_has_no_device_on_the_host() -> None:
    network = replace(BRIDGE, driver="macvlan", bridge=None, parent=ParentSettings("macvlan", "eth0", "vepa"))
    plan = plan_endpoint(network, "e1", ADDRESS)
    assert (plan.host_link, plan.bridge, plan.parent, plan.mode) == ("", "", "eth0", "vepa")
