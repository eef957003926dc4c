from seaway.model.network import PortBinding
from seaway.networks.firewall.elements import PublishedPort
from seaway.networks.ports import Wish, plan_wishes
from seaway.networks.republish import Bindings, split

WEB = [PublishedPort("tcp", ip, 8080, "172.17.0.2", 80) for ip in ("0.0.0.0", "::")]
DNS = [PublishedPort("udp", "127.0.0.1", 53, "172.17.0.2", 53)]


def changed(bindings: Bindings) -> tuple[list[PublishedPort], list[Wish]]:
    return split([*WEB, *DNS], bindings, plan_wishes(bindings))


def test_what_is_not_named_stays() -> None:
    assert changed({}) == ([*WEB, *DNS], [])
    assert changed({"81/tcp": [PortBinding("", "8081")]})[0] == [*WEB, *DNS]


def test_what_is_named_with_nothing_goes() -> None:
    assert changed({"80/tcp": []}) == (DNS, [])
    assert changed({"80": None}) == (DNS, [])


def test_what_is_there_already_is_not_touched() -> None:
    kept, wanted = changed({"80/tcp": [PortBinding("", "8080"), PortBinding("127.0.0.1", "8081")]})
    assert kept == [*DNS, *WEB]
    assert wanted == [Wish(80, "tcp", ("127.0.0.1",), 8081, 8081)]
    assert changed({"80/tcp": [PortBinding("", "8000-8100")]}) == ([*DNS, *WEB], [])


def test_a_host_without_ipv6_is_not_asked_again() -> None:
    bindings = {"80/tcp": [PortBinding("", "8080")]}
    assert split(WEB[:1], bindings, plan_wishes(bindings)) == (WEB[:1], [])


def test_another_address_of_the_same_port() -> None:
    bindings = {"80/tcp": [PortBinding("192.0.2.7", "8080")]}
    assert split(WEB, bindings, plan_wishes(bindings)) == ([], [Wish(80, "tcp", ("192.0.2.7",), 8080, 8080)])
