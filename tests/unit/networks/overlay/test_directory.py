import pytest

from seaway.model.network import IPAM, IPAMConfig
from seaway.networks.drivers import with_settings
from seaway.networks.ipam import parse_pool
from seaway.networks.network import Network
from seaway.networks.overlay.directory import Directory, parse_network
from seaway.networks.overlay.records import EndpointInCluster, endpoint_key, network_key, to_text
from seaway.networks.rows import to_row

NETWORK = with_settings(
    Network(
        id="n1",
        name="net",
        driver="overlay",
        created="2026-01-01T00:00:00Z",
        pool=parse_pool("10.0.0.0/24"),
        ipam=IPAM(config=[IPAMConfig(subnet="10.0.0.0/24", gateway="10.0.0.1")]),
        options={"com.docker.network.driver.overlay.vxlanid_list": "256"},
        has_own_subnet=True,
    )
)
ENTRIES = {
    network_key("n1"): to_text(to_row(NETWORK)),
    endpoint_key("n1", "10.0.0.2"): to_text(EndpointInCluster("e", "192.0.2.1")),
    "names/net": "n1",
}


def test_a_network_comes_through_its_record_as_it_was() -> None:
    assert parse_network(to_text(to_row(NETWORK))) == NETWORK


def test_what_came_and_what_went() -> None:
    directory = Directory()
    changes = directory.update(ENTRIES, ENTRIES.keys())
    assert (changes.made, changes.gone, changes.endpoints) == ([NETWORK], [], {"n1"})
    assert list(directory.endpoints("n1")) == ["10.0.0.2"]
    assert {str(a) for a in directory.addresses("n1")} == {"10.0.0.2"}
    changes = directory.update({}, ENTRIES.keys())
    assert (changes.made, changes.gone, changes.endpoints) == ([], ["n1"], {"n1"})
    assert changes.told == {("n1", "10.0.0.2"): None}
    assert directory.endpoints("n1") == {}


def test_a_record_that_is_none_is_logged_and_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    directory = Directory()
    bad = {network_key("x"): "{", endpoint_key("n1", "10.0.0.9"): "[]", network_key("y"): '{"Name": 1}'}
    changes = directory.update(ENTRIES | bad, (ENTRIES | bad).keys())
    assert [n.id for n in changes.made] == ["n1"]
    assert list(directory.endpoints("n1")) == ["10.0.0.2"]
    assert caplog.text.count("is not understood") == 3
