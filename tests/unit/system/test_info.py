from dataclasses import replace
from pathlib import Path

import pytest

from seaway.config.engine import EngineConfig
from seaway.system.host import CgroupSupport, Host, read_host
from seaway.system.info import Figures, info_to_wire
from seaway.system.version import Component, EngineVersion

CGROUPS = CgroupSupport(2, memory=True, swap=True, cpu_shares=True, cpu_quota=True, cpuset=True, pids=True)
HOST = Host("vm", "6.1", "x86_64", "Debian GNU/Linux 12 (bookworm)", "12", 2, 1 << 30, CGROUPS, True, True, True)
VERSION = EngineVersion("0.1", "", "6.1", "amd64", (Component("crun", "1.8.1", "f8a0"),))
FIGURES = Figures(
    engine_id="id", data_root="/data", running=2, paused=1, stopped=3, runtimes={"runc": "/usr/sbin/runc"}
)


def test_figures_are_true() -> None:
    wire = info_to_wire(EngineConfig(labels=("a=b",)), HOST, VERSION, FIGURES)
    for key, value in {
        "Containers": 6,
        "ContainersRunning": 2,
        "DockerRootDir": "/data",
        "ServerVersion": "28.5.2",
        "Runtimes": {"runc": {"path": "/usr/sbin/runc"}},
        "SecurityOptions": ["name=apparmor", "name=seccomp,profile=builtin", "name=cgroupns"],
        "Labels": ["a=b"],
        "RuncCommit": {"ID": "f8a0"},
        "FirewallBackend": {"Driver": "nftables"},
        "Warnings": None,
        "CgroupVersion": "2",
    }.items():
        assert wire[key] == value


def test_selinux_is_named_where_both_the_host_and_the_flags_have_it() -> None:
    for host, flag in ((True, True), (True, False), (False, True)):
        config = EngineConfig(selinux_enabled=flag)
        options = info_to_wire(config, replace(HOST, selinux=host), VERSION, FIGURES)["SecurityOptions"]
        assert ("name=selinux" in options) is (host and flag)


def test_old_versions_read_what_they_know() -> None:
    wire = info_to_wire(EngineConfig(), HOST, VERSION, FIGURES, (1, 24))
    assert wire["SecurityOptions"] == ["apparmor", "seccomp", "cgroupns"]
    assert wire["RuncCommit"] == {"ID": "f8a0", "Expected": "f8a0"}
    assert "FirewallBackend" not in wire
    assert wire["KernelMemory"] is wire["BridgeNfIptables"] is False


@pytest.mark.parametrize(("controllers", "version"), [("cpu memory pids", 2), (None, 1)])
def test_a_host_is_read_from_its_files(tmp_path: Path, controllers: str | None, version: int) -> None:
    files = {
        "etc/os-release": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\n',
        "proc/meminfo": "MemFree: 1 kB\nMemTotal:       2048 kB\n",
        "proc/sys/net/ipv4/ip_forward": "1\n",
        "proc/self/status": "Name:\tx\nSeccomp:\t0\n",
        "sys/fs/cgroup/pids/pids.max": "",
    } | ({"sys/fs/cgroup/cgroup.controllers": controllers} if controllers else {})
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    host = read_host(tmp_path)
    assert (host.operating_system, host.os_version, host.memory_bytes) == (
        "Debian GNU/Linux 12 (bookworm)",
        "12",
        2 << 20,
    )
    assert (host.ipv4_forwarding, host.seccomp, host.apparmor) == (True, True, False)
    assert (host.cgroups.version, host.cgroups.pids, host.cgroups.memory) == (version, True, version == 2)
