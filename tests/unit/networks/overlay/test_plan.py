from ipaddress import ip_address

import pytest

from seaway.base.errors import InvalidParameter
from seaway.kernel.vxlan import EVERYBODY, Behind
from seaway.networks.overlay.plan import OverlaySettings, overlay_settings, plan_table, plan_vni
from seaway.networks.overlay.records import EndpointInCluster, endpoint_key, parse_endpoint, to_text

ID = "0123456789abcdef"


def endpoint(host: str, mac: str) -> EndpointInCluster:
    return EndpointInCluster("engine", host, mac=mac)


def test_settings_come_from_the_options() -> None:
    assert overlay_settings(ID, {}) == OverlaySettings(0, "ov-0123456789ab", "vx-0123456789ab", 1450)
    options = {"com.docker.network.driver.mtu": "8950", "com.docker.network.driver.overlay.vxlanid_list": "300"}
    assert overlay_settings(ID, options) == OverlaySettings(300, "ov-0123456789ab", "vx-0123456789ab", 8950)


@pytest.mark.parametrize(
    ("option", "value", "text"),
    [
        ("encrypted", "", "encrypted overlay networks are not supported by this engine"),
        ("com.docker.network.driver.mtu", "x", "failed to parse com.docker.network.driver.mtu value: x"),
        ("com.docker.network.driver.overlay.vxlanid_list", "1,2", "invalid vxlan id value '1,2' passed"),
        ("com.docker.network.driver.overlay.vxlanid_list", "16777216", "invalid vxlan id value '16777216' passed"),
    ],
)
def test_options_that_cannot_be_had_are_refused(option: str, value: str, text: str) -> None:
    with pytest.raises(InvalidParameter) as refused:
        overlay_settings(ID, {option: value})
    assert str(refused.value) == text


def test_the_lowest_free_vni_or_the_wish() -> None:
    assert plan_vni(0, []) == 256
    assert plan_vni(0, [256, 258, 5]) == 257
    assert plan_vni(300, [256]) == 300
    with pytest.raises(InvalidParameter, match=r"^the vxlan id 256 is another network's$"):
        plan_vni(256, [256])


def test_every_remote_container_is_behind_its_host_and_every_host_hears_broadcasts() -> None:
    here = endpoint("192.0.2.1", "02:42:0a:00:00:02")
    there = [endpoint("192.0.2.2", "02:42:0A:00:00:03"), endpoint("192.0.2.2", "02:42:0a:00:00:04")]
    claim = endpoint("192.0.2.3", "")
    assert plan_table([here, *there, claim], "192.0.2.1") == {
        Behind("02:42:0a:00:00:03", "192.0.2.2"),
        Behind("02:42:0a:00:00:04", "192.0.2.2"),
        Behind(EVERYBODY, "192.0.2.2"),
    }


def test_a_record_of_an_endpoint() -> None:
    record = EndpointInCluster("e", "192.0.2.1", "id", "c", "web", "02:42:0a:00:00:02", 24, ["web", "alias"])
    assert parse_endpoint(to_text(record)) == record
    assert endpoint_key(ID, ip_address("10.0.0.2")) == f"endpoints/{ID}/10.0.0.2"
