from seaway.networks.ipam import parse_pool
from seaway.networks.network import BridgeSettings
from seaway.networks.plan import BridgePlan, EndpointPlan, plan_bridge, plan_endpoint

POOL = parse_pool("172.17.0.0/16")


def test_a_bridge_has_the_gateways_address() -> None:
    assert plan_bridge(BridgeSettings(), POOL) == BridgePlan(
        name="docker0",
        mac="02:42:ac:11:00:01",
        address="172.17.0.1",
        prefix_length=16,
        broadcast="172.17.255.255",
        mtu=1500,
    )


def test_an_endpoint() -> None:
    _, address = POOL.allocate()
    expected = EndpointPlan(
        bridge="docker0",
        host_link="veth0123456",
        link="eth0",
        mac="02:42:ac:11:00:02",
        address="172.17.0.2",
        prefix_length=16,
        broadcast="172.17.255.255",
        gateway="172.17.0.1",
        mtu=1500,
    )
    assert plan_endpoint(BridgeSettings(), POOL, "0123456789ab", address) == expected
    wished = plan_endpoint(BridgeSettings(), POOL, "0123456789ab", address, mac="02:00:00:00:00:09")
    assert wished.mac == "02:00:00:00:00:09"
