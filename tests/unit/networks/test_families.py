import pytest

from seaway.base.errors import InvalidParameter
from seaway.model.network import NetworkCreate
from seaway.networks.families import wanted_families

V4, V6 = "com.docker.network.enable_ipv4", "com.docker.network.enable_ipv6"


@pytest.mark.parametrize(
    ("ipv4", "ipv6", "options", "families"),
    [
        (None, None, {}, {4}),
        (None, True, {}, {4, 6}),
        (False, True, {}, {6}),
        (None, None, {V6: "true"}, {4, 6}),
        (None, None, {V4: "0", V6: "1"}, {6}),
        (True, False, {V4: "false", V6: "true"}, {4}),
    ],
)
def test_the_request_goes_before_the_options(
    ipv4: bool | None, ipv6: bool | None, options: dict[str, str], families: set[int]
) -> None:
    request = NetworkCreate(name="n", enable_ipv4=ipv4, enable_ipv6=ipv6)
    assert wanted_families(request, options) == families


@pytest.mark.parametrize(
    ("options", "text"), [({V4: "false"}, "IPv4 or IPv6 must be enabled"), ({V6: "maybe"}, f'driver-opt "{V6}" is not')]
)
def test_what_cannot_be(options: dict[str, str], text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        wanted_families(NetworkCreate(name="n"), options)
