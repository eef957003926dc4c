from typing import Any

from seaway.cli.audit import Listener, Row, audit, parse_listeners
from seaway.cli.network import table

TCP = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1
   1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2
   2: 020011AC:0050 010011AC:9C40 01 00000000:00000000 00:00000000 00000000     0        0 3
"""
NETWORKS: list[dict[str, Any]] = [
    {"Id": "n1", "Driver": "bridge", "Options": {}},
    {"Id": "n2", "Driver": "bridge", "Options": {"com.docker.network.bridge.enable_icc": "false"}},
    {"Id": "n3", "Driver": "macvlan", "Options": {"parent": "eth0"}},
    {"Id": "n4", "Driver": "bridge", "Options": {"com.docker.network.bridge.gateway_mode_ipv4": "nat-unprotected"}},
    {"Id": "n5", "Driver": "host", "Options": {}},
]


def container(name: str, networks: dict[str, str], ports: Any = None) -> dict[str, Any]:
    attached = {
        network: {"NetworkID": network_id, "IPAddress": "172.18.0.2", "GlobalIPv6Address": ""}
        for network, network_id in networks.items()
    }
    return {"Id": name, "Name": f"/{name}", "NetworkSettings": {"Networks": attached, "Ports": ports}}


def rows(shown: dict[str, Any], *listeners: Listener) -> list[tuple[str, str, str, str]]:
    return [(r.port, r.at, r.open_to, r.by) for r in audit([shown], NETWORKS, {shown["Id"]: listeners})]


def test_published_ports() -> None:
    ports = {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
        "81/tcp": [{"HostIp": "127.0.0.1", "HostPort": "8081"}],
        "82/udp": None,
        "83/udp": [{"HostIp": "192.0.2.7", "HostPort": "83"}],
    }
    heard = [Listener("tcp", "0.0.0.0", 80), Listener("tcp", "127.0.0.1", 81), Listener("udp", "::", 83)]
    found = rows(container("web", {}, ports), *heard)
    assert found == [
        (
            "80/tcp",
            "0.0.0.0:8080",
            "everybody who reaches this host",
            "map published, tcp . 8080; the port proxy for this host",
        ),
        ("80/tcp", "[::]:8080", "everybody who reaches this host", "the port proxy"),
        ("81/tcp (nobody listens)", "127.0.0.1:8081", "this host", "the port proxy"),
        (
            "83/udp",
            "192.0.2.7:83",
            "everybody who reaches 192.0.2.7",
            "map published_on, udp . 192.0.2.7 . 83; the port proxy for this host",
        ),
    ]


def test_what_listens_is_open_to_those_who_reach_it() -> None:
    web = Listener("tcp", "0.0.0.0", 80)
    assert rows(container("web", {"shop": "n1", "apart": "n2", "wire": "n3", "open": "n4"}), web) == [
        ("80/tcp", "172.18.0.2:80", "this host, containers on shop", "map within: accept"),
        ("80/tcp", "172.18.0.2:80", "this host", "map within: drop"),
        ("80/tcp", "172.18.0.2:80", "everybody on the wire of eth0", "nothing: macvlan"),
        ("80/tcp", "172.18.0.2:80", "everybody who knows the route", "set unprotected"),
    ]
    assert rows(container("web", {"shop": "n1"}), Listener("tcp", "127.0.0.1", 80)) == []
    assert [r[0] for r in rows(container("web", {"host": "n5"}), web)] == ["all of its ports"]


def test_the_kernels_tables() -> None:
    assert parse_listeners("tcp", TCP) == [Listener("tcp", "127.0.0.1", 53), Listener("tcp", "0.0.0.0", 80)]
    six = "h\n 0: 00000000000000000000000001000000:0050 00000000000000000000000000000000:0000 0A 0"
    assert parse_listeners("tcp", six) == [Listener("tcp", "::1", 80)]


def test_as_text() -> None:
    assert table([Row("web", "80/tcp", "a:1", "b", "c")]) == [
        "CONTAINER   PORT     AT    OPEN TO   BY",
        "web         80/tcp   a:1   b         c",
    ]


def test_what_comes_to_the_host_itself_is_for_its_firewall_to_judge() -> None:
    ports = {"80/tcp": [{"HostIp": ip, "HostPort": "8080"} for ip in ("0.0.0.0", "::", "127.0.0.1")]}
    shown = [container("web", {}, ports), container("bare", {"host": "n5"})]
    found = audit(shown, NETWORKS, {}, "ufw")
    assert [row.open_to for row in found] == [
        "everybody who reaches this host",
        "whom ufw lets in to this host",
        "this host",
        "whom ufw lets in to this host",
    ]
    assert found[-1].by == "ufw"
