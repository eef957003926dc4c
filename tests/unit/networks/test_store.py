from dataclasses import replace
from pathlib import Path

from seaway.model.network import IPAM, IPAMConfig, NetworkCreate
from seaway.networks.store import NetworkStore
from seaway.networks.usernet import plan_user_network

CREATED = "2026-11-24T05:18:14.657439031Z"


def test_a_network_comes_back_as_it_was(tmp_path: Path) -> None:
    store = NetworkStore(tmp_path / "seaway" / "networks.db")
    assert store.all() == []
    config = IPAMConfig(subnet="10.1.0.0/24", auxiliary_addresses={"router": "10.1.0.2"})
    request = NetworkCreate(
        name="web",
        ipam=IPAM(config=[config]),
        internal=True,
        options={"com.docker.network.bridge.name": "web0"},
        labels={"a": "b"},
    )
    web = plan_user_network(request, "1" * 64, CREATED, [])
    api = plan_user_network(NetworkCreate(name="api"), "0" * 64, CREATED, [])
    store.put(web)
    store.put(api)
    assert NetworkStore(tmp_path / "seaway" / "networks.db").all() == [web, api]
    store.delete(web.id)
    assert store.all() == [api]


def test_what_an_earlier_engine_took_and_this_one_refuses_does_nothing(tmp_path: Path) -> None:
    options = {"com.docker.network.bridge.name": "br-old", "com.docker.network.driver.mtu": "1400"}
    network = plan_user_network(NetworkCreate(name="old", options=options), "2" * 64, CREATED, [])
    old = replace(network, options={**options, "com.docker.network.host_ipv4": "x"})
    NetworkStore(tmp_path / "db").put(old)
    (found,) = NetworkStore(tmp_path / "db").all()
    assert found == old
