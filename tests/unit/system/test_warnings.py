from seaway.config.engine import EngineConfig
from seaway.system.host import CgroupSupport, Host
from seaway.system.warnings import warnings

CGROUPS = CgroupSupport(2, memory=True, swap=True, cpu_shares=True, cpu_quota=True, cpuset=True, pids=True)
HOST = Host("vm", "6.1", "x86_64", "Debian GNU/Linux 12 (bookworm)", "12", 2, 1 << 30, CGROUPS, True, True, True)


def test_warnings_name_what_is_missing_and_what_is_open() -> None:
    host = Host("vm", "6", "x86_64", "", "", 1, 1, CgroupSupport(1, memory=True), False, False, False)
    assert warnings(host, EngineConfig()) == [
        "WARNING: No swap limit support",
        "WARNING: No oom kill disable support",
        "WARNING: No cpu cfs quota support",
        "WARNING: No cpu cfs period support",
        "WARNING: No cpu shares support",
        "WARNING: No cpuset support",
        "WARNING: IPv4 forwarding is disabled",
    ]
    (text,) = warnings(HOST, EngineConfig(hosts=("tcp://0.0.0.0:2375",)))
    assert text.startswith("[DEPRECATION NOTICE]: API is accessible on http://0.0.0.0:2375 without encryption.")
    assert warnings(HOST, EngineConfig(hosts=("tcp://0.0.0.0:2376",), tlsverify=True)) == []


def test_a_cluster_whose_store_is_away() -> None:
    assert warnings(HOST, EngineConfig(), "no store") == ["WARNING: no store"]
