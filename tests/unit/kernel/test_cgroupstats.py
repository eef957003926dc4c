from pathlib import Path

import pytest

from seaway.kernel import cgroupstats
from seaway.kernel.cgroupstats import IoEntry, parse_io_v1, parse_io_v2, parse_process_cgroups, read_usage
from seaway.kernel.netstats import parse_interfaces


def test_an_init_systems_own_cgroups_count_for_the_container() -> None:
    found = parse_process_cgroups("4:cpu,cpuacct:/docker/abc/init.scope\n0::/docker/abc/init.scope/x\n", "abc")
    assert found == {"cpu": "/docker/abc", "cpuacct": "/docker/abc", "": "/docker/abc"}


def test_io_of_v1_and_v2() -> None:
    assert parse_io_v1("8:0 Read 4096\n8:0 12\nTotal 4096\n") == (IoEntry(8, 0, "Read", 4096), IoEntry(8, 0, "", 12))
    assert parse_io_v2("8:16 rbytes=10 wbytes=20 rios=1 wios=2\n") == (
        IoEntry(8, 16, "read", 10),
        IoEntry(8, 16, "write", 20),
    )


def test_v2_from_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroupstats, "process_cgroups", lambda pid, name: {"": f"/docker/{name}"})
    folder = tmp_path / "docker" / "abc"
    folder.mkdir(parents=True)
    files = {
        "cpu.stat": "usage_usec 30\nuser_usec 20\nsystem_usec 10\nnr_periods 4\nnr_throttled 2\nthrottled_usec 7\n",
        "memory.current": "4096\n",
        "memory.max": "max\n",
        "memory.stat": "anon 1\nfile 2\n",
        "memory.events": "oom 3\noom_kill 1\n",
        "pids.current": "2\n",
        "pids.max": "max\n",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    usage = read_usage(1, "abc", tmp_path)
    assert (usage.cpu.total_ns, usage.cpu.user_ns, usage.cpu.throttled_ns) == (30_000, 20_000, 7_000)
    assert (usage.memory.usage, usage.memory.limit, usage.memory.failures) == (4096, 2**64 - 1, 3)
    assert (usage.memory.max_usage, usage.pids, usage.pids_limit) == (None, 2, 2**64 - 1)
    assert usage.io == {"io_service_bytes_recursive": ()}


def test_interfaces_that_somebody_made() -> None:
    table = "Inter-|\n face |\n    lo: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n  eth0: 90 1 2 3 0 0 0 0 50 4 5 6 0 0 0 0\n"
    eth0 = parse_interfaces(table)["eth0"]
    assert (eth0.rx_bytes, eth0.rx_dropped, eth0.tx_bytes, eth0.tx_dropped) == (90, 3, 50, 6)
    assert list(parse_interfaces(table)) == ["eth0"]
