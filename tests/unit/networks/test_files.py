import pytest

from seaway.base.errors import InvalidParameter
from seaway.networks.files import (
    Resolver,
    hosts_content,
    links_content,
    parse_extra_hosts,
    parse_resolv_conf,
    plan_resolver,
    resolv_conf_content,
)

BASE = """127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
"""


def test_hosts_names_the_container_last() -> None:
    assert hosts_content(["172.17.0.2"], "web") == BASE + "172.17.0.2\tweb\n"
    extra = parse_extra_hosts(["db:10.0.0.5", "host.docker.internal:host-gateway", "six:::1"], "172.17.0.1")
    assert hosts_content(["172.17.0.2"], "web", "example.org", extra) == BASE + (
        "10.0.0.5\tdb\n172.17.0.1\thost.docker.internal\n::1\tsix\n172.17.0.2\tweb.example.org web\n"
    )


@pytest.mark.parametrize("entry", ["db", "db:", "db:nonsense", ":10.0.0.1"])
def test_what_is_no_extra_host(entry: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_extra_hosts([entry], "172.17.0.1")


def test_a_link_is_a_line_with_the_alias_first() -> None:
    assert links_content({"db": ("172.17.0.3", "postgres")}) == (("172.17.0.3", "db postgres"),)


def test_the_hosts_resolver_without_its_loopback() -> None:
    host = parse_resolv_conf("# made by hand\nnameserver 127.0.0.53\nnameserver 9.9.9.9\nsearch lan\noptions edns0\n")
    assert resolv_conf_content(plan_resolver(host, [], [], [])) == "nameserver 9.9.9.9\nsearch lan\noptions edns0\n"


def test_a_host_with_a_local_resolver_only_falls_back() -> None:
    host = Resolver(nameservers=("127.0.0.1", "::1"))
    assert plan_resolver(host, [], [], []).nameservers == ("8.8.8.8", "8.8.4.4")


def test_the_users_wishes_win_and_a_dot_means_no_search_domain() -> None:
    host = Resolver(("9.9.9.9",), ("lan",), ("edns0",))
    assert plan_resolver(host, ["1.1.1.1"], ["."], ["ndots:2"]) == Resolver(("1.1.1.1",), (), ("ndots:2",))
