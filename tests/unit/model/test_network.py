from seaway.base import gojson
from seaway.model.container import NetworkingConfig
from seaway.model.network import EndpointSettings, IPAMConfig, PortBinding, new_record, to_wire


def test_an_endpoint_has_dockers_keys_in_dockers_order() -> None:
    assert list(to_wire(EndpointSettings())) == [
        "IPAMConfig",
        "Links",
        "Aliases",
        "MacAddress",
        "DriverOpts",
        "GwPriority",
        "NetworkID",
        "EndpointID",
        "Gateway",
        "IPAddress",
        "IPPrefixLen",
        "IPv6Gateway",
        "GlobalIPv6Address",
        "GlobalIPv6PrefixLen",
        "DNSNames",
    ]


def test_reading_follows_gos_leniency() -> None:
    wire = b'{"endpointsconfig": {"bridge": {"IPAMConfig": {"IPv4Address": "172.18.0.9"}, "Aliases": null}, "x": null}}'
    config = gojson.decode(wire, NetworkingConfig)
    assert config.endpoints_config
    bridge = config.endpoints_config["bridge"]
    assert bridge is not None
    assert bridge.ipam_config is not None
    assert bridge.ipam_config.ipv4_address == "172.18.0.9"
    assert config.endpoints_config["x"] is None


def test_a_binding_and_a_pool_on_the_wire() -> None:
    assert to_wire(PortBinding(host_ip="0.0.0.0", host_port="80")) == {"HostIp": "0.0.0.0", "HostPort": "80"}
    assert to_wire(IPAMConfig(subnet="172.17.0.0/16")) == {"Subnet": "172.17.0.0/16"}


def test_a_record_keeps_the_wished_mac_from_start_to_start() -> None:
    record = new_record(EndpointSettings(aliases=["web"], mac_address="02:42:00:00:00:07"))
    running = record.with_outcome(EndpointSettings(aliases=["web"], mac_address="02:42:00:00:00:07", endpoint_id="e1"))
    assert "DesiredMacAddress" not in running.to_wire()
    assert running.ended() == record
    assert record.wish().mac_address == "02:42:00:00:00:07"
    assert record.mac_address == ""


def test_a_stop_forgets_the_address_and_keeps_the_wishes() -> None:
    before = EndpointSettings(aliases=["web"], network_id="n1", ip_address="172.17.0.2", endpoint_id="e1")
    assert before.without_outcome() == EndpointSettings(aliases=["web"], network_id="n1")
