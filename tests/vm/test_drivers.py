"""Who makes the cgroups: systemd, which is asked for a scope, or the engine's runtime itself."""

import subprocess

import pytest

from conformance.conftest import Restarted
from conformance.engines import RunningEngine
from vm.groups import ROOT, eventually, group, inspect, running, values


def shown(unit: str, *names: str) -> dict[str, str]:
    command = ["systemctl", "show", unit, *(f"--property={name}" for name in names)]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return dict(line.split("=", 1) for line in text.splitlines())


def test_systemd_has_a_scope_for_each_container(engine: RunningEngine) -> None:
    with running(engine, "--memory", "64m", "--pids-limit", "30") as container:
        scope = f"docker-{container}.scope"
        assert group(engine, container) == ROOT / "system.slice" / scope
        # crun before 1.9 writes the limits itself and does not tell systemd of them.
        assert shown(scope, "ActiveState", "Delegate") == {"ActiveState": "active", "Delegate": "yes"}
        assert engine.docker("update", "--memory", "48m", "--memory-swap", "48m", container).returncode == 0
        assert values(ROOT / "system.slice" / scope, "memory.max") == {"memory.max": str(48 << 20)}
        assert engine.docker("exec", container, "cat", "/proc/self/cgroup").stdout == "0::/\n"
    eventually(lambda: shown(scope, "ActiveState") == {"ActiveState": "inactive"})
    assert not (ROOT / "system.slice" / scope).exists()


def test_a_slice_of_the_users(engine: RunningEngine) -> None:
    with running(engine, "--cgroup-parent", "mine.slice") as container:
        assert group(engine, container) == ROOT / "mine.slice" / f"docker-{container}.scope"
    refused = engine.docker("create", "--cgroup-parent", "/mine", "busybox")
    text = 'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"'
    assert (refused.returncode, text in refused.stderr) == (1, True)


def test_runc(engine: RunningEngine) -> None:
    with running(engine, "--runtime", "runc", "--memory", "64m") as container:
        folder = group(engine, container)
        assert (folder.name, values(folder, "memory.max")["memory.max"]) == (f"docker-{container}.scope", str(64 << 20))
        assert engine.docker("update", "--cpus", "0.5", container).returncode == 0
        assert values(folder, "cpu.max") == {"cpu.max": "50000 100000"}
        assert engine.docker("pause", container).returncode == 0
        assert "frozen 1" in (folder / "cgroup.events").read_text()
        assert engine.docker("unpause", container).returncode == 0


def test_what_systemd_does_on_its_own_leaves_the_limits(engine: RunningEngine) -> None:
    """crun before 1.9 does not tell systemd of them, which has values of its own to write then."""
    limits = ("--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m", "--cpus", "0.5")
    more = ("--cpu-shares", "512", "--pids-limit", "30", "--cpuset-cpus", "1", "--blkio-weight", "300")
    files = ("memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight", "pids.max", "cpuset.cpus")
    files += ("io.weight", "io.max")
    with running(engine, *limits, *more, "--device-write-bps", "/dev/vda:1mb") as container:
        folder, before = (where := group(engine, container)), values(where, *files)
        assert before["memory.max"] == str(64 << 20)
        assert shown(folder.name, "MemoryMax", "TasksMax") == {"MemoryMax": str(64 << 20), "TasksMax": "30"}
        for command in (("daemon-reload",), ("set-property", "--runtime", "system.slice", "CPUWeight=200")):
            subprocess.run(["systemctl", *command], check=True)
            assert values(folder, *files) == before, command
        update = ("--memory", "48m", "--memory-swap", "48m", "--cpus", "1.5", "--pids-limit", "-1")
        done = engine.docker("update", *update, container)
        assert done.returncode == 0, done.stderr
        now = values(folder, *files)
        changed = ("memory.max", "memory.swap.max", "cpu.max", "pids.max")
        assert {name: now[name] for name in changed} == {
            "memory.max": str(48 << 20),
            "memory.swap.max": "0",
            "cpu.max": "150000 100000",
            "pids.max": "max",
        }
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        assert values(folder, *files) == now


@pytest.fixture
def by_itself(restarted: Restarted) -> RunningEngine:
    return restarted("--exec-opt", "native.cgroupdriver=cgroupfs")


def test_cgroupfs(by_itself: RunningEngine) -> None:
    engine = by_itself
    assert engine.docker("info", "-f", "{{.CgroupDriver}}").stdout == "cgroupfs\n"
    with running(engine, "--memory", "64m", "--cpus", "0.5") as container:
        folder = group(engine, container)
        assert folder == ROOT / "docker" / container
        assert values(folder, "memory.max", "cpu.max") == {"memory.max": str(64 << 20), "cpu.max": "50000 100000"}
        assert engine.docker("update", "--memory", "48m", "--memory-swap", "48m", container).returncode == 0
        assert values(folder, "memory.max") == {"memory.max": str(48 << 20)}
        assert engine.docker("pause", container).returncode == 0
        assert "frozen 1" in (folder / "cgroup.events").read_text()
        assert engine.docker("unpause", container).returncode == 0
        engine.docker("kill", container)
        assert inspect(engine, container)["State"]["ExitCode"] == 137
    eventually(lambda: not folder.exists())  # it goes behind the client's back


def test_killed_for_memory_under_cgroupfs(by_itself: RunningEngine) -> None:
    engine = by_itself
    eater = ("run", "--name", "eater", "--memory", "16m", "--memory-swap", "16m", "busybox", "tail", "/dev/zero")
    assert engine.docker(*eater).returncode == 137
    assert inspect(engine, "eater")["State"]["OOMKilled"] is True
