from pathlib import Path

from seaway.networks.firewall.ruleset import Bridge, PublishedPort, plan_publish, plan_ruleset, plan_unpublish

GOLDEN = Path(__file__).parents[2] / "golden" / "networks"
DOCKER0 = Bridge("docker0", "172.17.0.0/16")
WEB = PublishedPort("tcp", "0.0.0.0", 8080, "172.17.0.2", 80)
DNS = PublishedPort("udp", "192.0.2.7", 53, "172.17.0.3", 53)
LOOPBACK = PublishedPort("tcp", "127.0.0.1", 9000, "172.17.0.2", 9000)


def test_a_bridge_without_ports() -> None:
    assert plan_ruleset("seaway", [DOCKER0]) == (GOLDEN / "bridge.nft").read_text()


def test_published_ports_are_elements_of_maps() -> None:
    isolated = Bridge("br-0123456789ab", "172.18.0.0/16", masquerade=False, icc=False)
    text = plan_ruleset("seaway", [DOCKER0, isolated], [WEB, DNS, LOOPBACK])
    assert text == (GOLDEN / "publish.nft").read_text()


def test_one_more_port_is_one_more_element() -> None:
    assert plan_publish("seaway", [WEB, DNS]) == (
        "add element ip seaway published { tcp . 8080 : 172.17.0.2 . 80 }\n"
        "add element ip seaway published_on { udp . 192.0.2.7 . 53 : 172.17.0.3 . 53 }\n"
    )
    assert plan_unpublish("seaway", [WEB]) == "delete element ip seaway published { tcp . 8080 }\n"


def test_loopback_is_the_proxys_and_never_in_the_firewall() -> None:
    v6 = PublishedPort("tcp", "::", 8080, "172.17.0.2", 80)
    assert plan_publish("seaway", [LOOPBACK, v6]) == ""
