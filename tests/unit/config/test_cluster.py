import pytest

from seaway.config.cluster import ClusterConfig, parse_cluster
from seaway.config.errors import ConfigError
from seaway.config.flags import parse_flags
from seaway.config.load import load_config
from seaway.config.reloading import attributes, reloaded

STORE = "etcd://10.0.0.1:2379,etcd.example:2379/team/one/"


def test_all_that_the_flags_say() -> None:
    options = {
        "discovery.heartbeat": "5",
        "discovery.ttl": "11",
        "kv.cacertfile": "/ca",
        "kv.certfile": "/cert",
        "kv.keyfile": "/key",
        "kv.path": "/my/nodes/",
    }
    assert parse_cluster(STORE, "eth0:2376", options) == ClusterConfig(
        servers=("10.0.0.1:2379", "etcd.example:2379"),
        prefix="team/one",
        advertise="eth0:2376",
        heartbeat_s=5,
        ttl_s=11,
        nodes="my/nodes",
        ca="/ca",
        certificate="/cert",
        key="/key",
    )


def test_without_a_store_there_is_no_cluster_and_without_options_the_timers_are_dockerds() -> None:
    assert parse_cluster("", "", {}) is None
    config = parse_cluster("etcd://h:1", "", {})
    assert config
    assert (config.heartbeat_s, config.ttl_s, config.nodes, config.prefix) == (20, 60, "docker/nodes", "")


@pytest.mark.parametrize(
    ("options", "timers"),
    [
        ({"discovery.heartbeat": "10"}, (10, 30)),
        ({"discovery.ttl": "90"}, (30, 90)),
        ({"discovery.ttl": "2"}, (1, 2)),
        ({"discovery.heartbeat": "2", "discovery.ttl": "3"}, (2, 3)),
    ],
)
def test_one_timer_gives_the_other(options: dict[str, str], timers: tuple[int, int]) -> None:
    config = parse_cluster(STORE, "", options)
    assert config
    assert (config.heartbeat_s, config.ttl_s) == timers


@pytest.mark.parametrize(
    ("store", "advertise", "options", "text"),
    [
        ("", "10.0.0.1:1", {}, "invalid cluster configuration. --cluster-advertise must be accompanied by "
                               "--cluster-store configuration"),
        ("etcd", "", {}, "Could not parse cluster store etcd: it must be KV-PROVIDER://KV-URL"),
        ("consul://h:1", "", {}, "discovery initialization failed (the cluster store consul is not supported, "
                                 "etcd is)"),
        ("foo://h:1", "", {}, "discovery initialization failed (discovery service not supported)"),
        ("etcd://h", "", {}, "discovery initialization failed (address h: missing port in address)"),
        ("etcd:///prefix", "", {}, "discovery initialization failed (no server in etcd:///prefix)"),
        (STORE, "10.0.0.1", {}, "discovery advertise parsing failed (invalid --cluster-advertise configuration: "
                                "10.0.0.1: missing port in address)"),
        (STORE, "eth0:x", {}, "discovery advertise parsing failed (invalid --cluster-advertise configuration: "
                              "eth0:x: invalid host or port)"),
        (STORE, "", {"discovery.ttl": "5", "discovery.heartbeat": "5"},
         "discovery.ttl timer must be greater than discovery.heartbeat"),
        (STORE, "", {"discovery.ttl": "1"}, "discovery.ttl timer must be greater than discovery.heartbeat"),
        (STORE, "", {"discovery.heartbeat": "x"}, 'strconv.Atoi: parsing "x": invalid syntax'),
        (STORE, "", {"kv.paht": "x"}, "unknown cluster store option: kv.paht"),
        (STORE, "", {"kv.keyfile": "x"},
         "discovery initialization failed (kv.certfile and kv.keyfile must both be given)"),
    ],
)  # fmt: skip
def test_refused(store: str, advertise: str, options: dict[str, str], text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_cluster(store, advertise, options)
    assert str(refused.value) == text


def test_a_reload_changes_the_cluster_only_where_it_speaks_of_the_address() -> None:
    flags = parse_flags(["--config-file", "c.json"])
    old = load_config(flags, b'{"cluster-store": "etcd://a:1", "cluster-advertise": "1.2.3.4:5"}')
    silent = reloaded(old, load_config(flags, b"{}"))
    assert (silent.cluster_store, silent.cluster_advertise) == ("etcd://a:1", "1.2.3.4:5")
    file = b'{"cluster-store": "etcd://b:1", "cluster-advertise": "1.2.3.4:6", "cluster-store-opts": {"kv.path": "x"}}'
    moved = reloaded(old, load_config(flags, file))
    assert (moved.cluster_store, moved.cluster_advertise) == ("etcd://b:1", "1.2.3.4:6")
    assert attributes(moved)["cluster-store-opts"] == '{"kv.path": "x"}'
    assert "cluster-store" not in attributes(load_config(flags, b"{}"))
