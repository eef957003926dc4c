from ipaddress import ip_address

import pytest

from seaway.base.errors import InvalidParameter
from seaway.model.network import NetworkContainer
from seaway.networks.network import (
    AmbiguousNetwork,
    BridgeSettings,
    Network,
    NoSuchNetwork,
    default_bridge,
    find_network,
    network_to_wire,
)

CREATED = "2026-11-24T05:18:14.657439031Z"
HOST = Network("80acc4b0" + "0" * 56, "host", "host", CREATED)
NONE = Network("8e456c82" + "0" * 56, "none", "null", CREATED)


def test_the_default_bridge_on_the_wire_is_dockerds() -> None:
    web = NetworkContainer("web", "e1", "02:42:ac:11:00:02", "172.17.0.2/16")
    assert network_to_wire(default_bridge("9" * 64, CREATED, BridgeSettings()), {"c1": web}) == {
        "Name": "bridge",
        "Id": "9" * 64,
        "Created": CREATED,
        "Scope": "local",
        "Driver": "bridge",
        "EnableIPv4": True,
        "EnableIPv6": False,
        "IPAM": {
            "Driver": "default",
            "Options": None,
            "Config": [{"Subnet": "172.17.0.0/16", "Gateway": "172.17.0.1"}],
        },
        "Internal": False,
        "Attachable": False,
        "Ingress": False,
        "ConfigFrom": {"Network": ""},
        "ConfigOnly": False,
        "Containers": {
            "c1": {
                "Name": "web",
                "EndpointID": "e1",
                "MacAddress": "02:42:ac:11:00:02",
                "IPv4Address": "172.17.0.2/16",
                "IPv6Address": "",
            }
        },
        "Options": {
            "com.docker.network.bridge.default_bridge": "true",
            "com.docker.network.bridge.enable_icc": "true",
            "com.docker.network.bridge.enable_ip_masquerade": "true",
            "com.docker.network.bridge.host_binding_ipv4": "0.0.0.0",
            "com.docker.network.bridge.name": "docker0",
            "com.docker.network.driver.mtu": "1500",
        },
        "Labels": {},
    }


def test_the_null_network_has_no_pool() -> None:
    wire = network_to_wire(NONE, {})
    assert (wire["Driver"], wire["IPAM"], wire["Options"]) == (
        "null",
        {"Driver": "default", "Options": None, "Config": None},
        {},
    )


def test_a_network_is_found_by_name_id_or_the_beginning_of_it() -> None:
    for name in ("host", HOST.id, "80"):
        assert find_network([NONE, HOST], name) is HOST
    with pytest.raises(AmbiguousNetwork, match=r"^network 8 is ambiguous \(2 matches found based on ID prefix\)$"):
        find_network([NONE, HOST], "8")
    for name in ("web", ""):
        with pytest.raises(NoSuchNetwork, match=f"^network {name} not found$"):
            find_network([NONE, HOST], name)


def test_a_router_of_the_users_beside_the_bridge() -> None:
    """Its address is nobody else's."""
    settings = BridgeSettings(
        subnet="10.77.0.1/29", gateway="10.77.0.1", default_gateway="10.77.0.2",
        subnet6="fd00:77::/64", default_gateway6="fd00:77::2",
    )  # fmt: skip
    bridge = default_bridge("9" * 64, CREATED, settings)
    assert [c.auxiliary_addresses for c in bridge.ipam.config or ()] == [
        {"DefaultGatewayIPv4": "10.77.0.2"},
        {"DefaultGatewayIPv6": "fd00:77::2"},
    ]
    assert bridge.pool
    assert bridge.pool.allocate()[1] == ip_address("10.77.0.3")
    text = r"auxiliary address: \(DefaultGatewayIPv4:10.99.0.1\) must belong to the master pool: 172.17.0.0/16"
    with pytest.raises(InvalidParameter, match=text):
        default_bridge("9" * 64, CREATED, BridgeSettings(default_gateway="10.99.0.1"))
