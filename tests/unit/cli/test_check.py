from dataclasses import replace

import pytest

from seaway.cli.check import NEEDS, foreign_rules, main, report, vital_lacking
from seaway.cli.host import Host, read_host
from seaway.networks.firewall.foreign import Closed

READY = Host(
    root=True,
    python=(3, 11),
    programs=frozenset({"crun", "conmon", "nft", "tar", "docker-init", "docker", "ps"}),
    filesystems=frozenset({"overlay"}),
    kernel_options=frozenset(),
    namespaces=frozenset({"mnt", "pid", "net", "ipc", "uts", "cgroup"}),
    cgroup_version=2,
    controllers=frozenset({"memory", "cpu", "pids", "cpuset"}),
    unmounted_for_crun=frozenset(),
    seccomp=True,
    capabilities=frozenset({"SYS_ADMIN", "NET_ADMIN", "SYS_RESOURCE"}),
    groups=frozenset({"docker"}),
    shared_root=True,
    chrooted=False,
    protocols=True,
    settings={"net/ipv4/ip_forward": "1"},
)


def test_a_complete_machine_lacks_nothing() -> None:
    assert report(READY) == ["Ready to run containers."]
    assert not vital_lacking(READY)


def test_a_missing_program_is_named_with_its_purpose_and_its_package() -> None:
    host = replace(READY, programs=READY.programs - {"conmon"})
    assert report(host) == [
        "MISSING  conmon: owns a container's process, its output and its exit code",
        "         get it: apt-get install conmon",
        "Not ready: conmon.",
    ]
    assert vital_lacking(host)


def test_what_one_can_do_without_does_not_fail_the_check() -> None:
    host = replace(READY, controllers=frozenset({"cpu", "pids", "cpuset"}), groups=frozenset())
    assert [line for line in report(host) if line.startswith("lacking")] == [
        "lacking  cgroup controller memory: limits on memory",
        "lacking  group docker: lets its members use the socket; without it only root may",
    ]
    assert not vital_lacking(host)


def test_crun_needs_every_controller_of_cgroup_v1() -> None:
    host = replace(READY, cgroup_version=1, unmounted_for_crun=frozenset({"hugetlb"}))
    assert "MISSING  cgroup controller hugetlb: crun does not start without it where cgroup v1 is mounted" in report(
        host
    )


def test_a_kernel_that_tells_its_options_is_believed() -> None:
    host = replace(READY, kernel_options=frozenset({"CONFIG_BRIDGE"}))
    assert "lacking  veth: connects a container to a bridge" in report(host)


def test_everything_names_what_is_present() -> None:
    assert len(report(READY, everything=True)) == len(NEEDS) + 1


def test_this_machine_can_be_read() -> None:
    assert read_host().python >= (3, 11)


def test_unknown_arguments_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--bogus"]) == 1
    assert "unknown argument: --bogus" in capsys.readouterr().err


def test_rules_of_others_that_hold_containers_back() -> None:
    assert foreign_rules([]) == []
    closed = [Closed("table inet firewalld, chain x", owner="firewalld"), Closed("a", "iptables-nft", "ufw")]
    found = foreign_rules(closed)
    assert "zone=trusted" in found[0]
    assert "zone docker" in foreign_rules(closed, firewalld_answers=True)[0]
    assert found[1].startswith("firewall a (ufw) drops what is forwarded by default\n         nothing to do")
