import pytest

from seaway.distribution.endpoints import RegistryConfig, plan_endpoints
from seaway.distribution.hosts import Host, Hosts, InvalidHosts, parse_hosts

EVERYTHING = """
server = "https://upstream.example"
[host."https://mirror.example/"]
capabilities = ["pull"]
ca = "/ca.crt"
client = [["/a.cert", "/a.key"], "/both.pem"]
skip_verify = true
override_path = true
[host."https://mirror.example/".header]
x-key = ["1", "2"]
[host."http://second.example:5000"]
"""


def test_containerds_format() -> None:
    first = Host(
        "https://mirror.example",
        resolves_tags=False,
        ca=("/ca.crt",),
        clients=(("/a.cert", "/a.key"), ("/both.pem", "/both.pem")),
        verify_tls=False,
        override_path=True,
        headers=(("x-key", "1"), ("x-key", "2")),
    )
    assert parse_hosts(EVERYTHING) == Hosts("https://upstream.example", (first, Host("http://second.example:5000")))


def test_the_order_of_endpoints() -> None:
    endpoints = plan_endpoints("r.example", (), RegistryConfig(), parse_hosts(EVERYTHING))
    assert [e.api for e in endpoints] == [
        "https://mirror.example/",
        "http://second.example:5000/v2/",
        "https://upstream.example/v2/",
    ]
    assert [e.serves(tag=True) for e in endpoints] == [False, True, True]
    assert [e.serves(tag=False) for e in endpoints] == [True, True, True]
    general = RegistryConfig(mirrors=("https://general.example",))
    hub = plan_endpoints("docker.io", (), general, Hosts("", (Host("https://own.example"),)))
    assert [e.url for e in hub] == ["https://own.example", "https://general.example", "https://registry-1.docker.io"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("server = 5", "server must be a str, not 5"),
        ('[host."https://m"]\nspeed = 1', 'unknown key "host."https://m".speed"'),
        ('[host."https://m"]\ncapabilities = ["fly"]', 'host."https://m": unknown capability "fly"'),
        ('[host."https://m"]\nskip_verify = "yes"', "host.\"https://m\": skip_verify must be a bool, not 'yes'"),
        ('[host."https://m"]\nclient = [["a", "b", "c"]]', 'host."https://m": client must be a file'),
        ('[host."ftp://m"]', '"ftp://m" is no URL of a registry'),
        ("server", "Expected '=' after a key"),
        ("mirrors = []", 'unknown key "mirrors"'),
    ],
)
def test_mistakes_are_named(text: str, said: str) -> None:
    with pytest.raises(InvalidHosts) as failure:
        parse_hosts(text)
    assert failure.value.message.startswith(said)
