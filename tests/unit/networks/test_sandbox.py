from pathlib import Path

from seaway.model.network import EndpointSettings, PortBinding
from seaway.networks.firewall.elements import PublishedPort
from seaway.networks.sandbox import Sandbox, port_map

WEB = PublishedPort("tcp", "0.0.0.0", 8080, "172.17.0.2", 80)
WEB6 = PublishedPort("tcp", "::", 8080, "172.17.0.2", 80)


def test_an_exposed_port_that_is_not_published_is_null() -> None:
    assert port_map([WEB, WEB6], ["80/tcp", "443"]) == {
        "80/tcp": [PortBinding("0.0.0.0", "8080"), PortBinding("::", "8080")],
        "443/tcp": None,
    }


def test_a_record_knows_its_published_ports_again() -> None:
    endpoints = {"bridge": EndpointSettings(ip_address="172.17.0.2", gateway="172.17.0.1")}
    sandbox = Sandbox("s1", Path("/run/docker/netns/s1"), endpoints, port_map([WEB, WEB6], ["443/tcp"]))
    assert sandbox.published == (WEB, WEB6)
    assert sandbox.key == "/run/docker/netns/s1"
