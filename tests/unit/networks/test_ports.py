import pytest

from seaway.base.errors import InvalidParameter
from seaway.model.network import PortBinding
from seaway.networks.ports import PortAllocator, PortAlreadyAllocated, Wish, parse_port, plan_wishes

ANY = ("0.0.0.0", "::")


def test_a_port_that_is_held_says_what_dockerd_says() -> None:
    ports = PortAllocator()
    ports.take("tcp", ANY, 80)
    with pytest.raises(PortAlreadyAllocated, match=r"^Bind for 0\.0\.0\.0:80 failed: port is already allocated$"):
        ports.take("tcp", ANY, 80)
    with pytest.raises(PortAlreadyAllocated, match=r"^Bind for 127\.0\.0\.1:80 failed"):
        ports.take("tcp", ["127.0.0.1"], 80)
    ports.take("udp", ANY, 80)
    ports.release("tcp", "0.0.0.0", 80)
    ports.release("tcp", "::", 80)
    ports.take("tcp", ["192.0.2.1"], 80)
    ports.take("tcp", ["192.0.2.2"], 80)
    assert not ports.is_free("tcp", "0.0.0.0", 80)


def test_wishes_exact_ones_first() -> None:
    bindings = {"53/udp": [PortBinding()], "80": [PortBinding("127.0.0.1", "8080")], "9/tcp": None}
    assert plan_wishes(bindings, ["80/tcp", "9/tcp", "443/tcp"], publish_all=True) == (
        Wish(80, "tcp", ("127.0.0.1",), 8080, 8080),
        Wish(53, "udp", ANY, 49153, 65535),
        Wish(443, "tcp", ANY, 49153, 65535),
    )


def test_a_range() -> None:
    (wish,) = plan_wishes({"80/tcp": [PortBinding("", "8000-8002")]})
    assert list(PortAllocator().candidates(wish)) == [8000, 8001, 8002]
    assert not wish.is_exact


def test_ephemeral_ports_go_round() -> None:
    ports = PortAllocator(ephemeral=(5000, 5002))
    wish = Wish(80, "tcp", ANY, 5000, 5002)
    ports.used(5001)
    assert list(ports.candidates(wish)) == [5002, 5000, 5001]
    ports.used(5002)
    assert list(ports.candidates(wish)) == [5000, 5001, 5002]


@pytest.mark.parametrize("text", ["", "x", "0", "65536", "80/icmp", "²"])
def test_what_is_no_port(text: str) -> None:
    with pytest.raises(InvalidParameter):
        parse_port(text)
