"""Limits, where cgroup v2 keeps them: at the start and by an update while it runs."""

import json
import os

import pytest

from conformance.engines import RunningEngine
from conformance.options import call
from vm.groups import eventually, group, inspect, running, values

MIB = 1 << 20
LIMITS = (
    *("--memory", "64m", "--memory-swap", "96m", "--memory-reservation", "32m", "--cpus", "0.5", "--cpu-shares", "512"),
    *("--cpuset-cpus", "1", "--cpuset-mems", "0", "--pids-limit", "50"),
    *("--blkio-weight", "300", "--device-read-bps", "/dev/vda:1mb", "--device-write-iops", "/dev/vda:100"),
)


def test_limits_and_their_update(engine: RunningEngine) -> None:
    with running(engine, *LIMITS) as container:
        folder = group(engine, container)
        assert values(
            *(folder, "memory.max", "memory.swap.max", "memory.low", "cpu.max", "cpu.weight"),
            *("cpuset.cpus", "cpuset.mems", "pids.max"),
        ) == {
            "memory.max": str(64 * MIB),
            "memory.swap.max": str(32 * MIB),
            "memory.low": str(32 * MIB),
            "cpu.max": "50000 100000",
            "cpu.weight": "20",
            "cpuset.cpus": "1",
            "cpuset.mems": "0",
            "pids.max": "50",
        }
        device, *limits = (folder / "io.max").read_text().split()
        assert (device.split(":")[1], set(limits)) == ("0", {"rbps=1048576", "wbps=max", "riops=max", "wiops=100"})
        assert "default 2930" in (folder / "io.weight").read_text()
        again = ("--memory", "48m", "--memory-swap", "48m", "--cpus", "1.5", "--cpu-shares", "2048")
        done = engine.docker("update", *again, "--cpuset-cpus", "0-1", "--pids-limit", "-1", container)
        assert done.returncode == 0, done.stderr
        assert values(folder, "memory.max", "memory.swap.max", "cpu.max", "cpu.weight", "cpuset.cpus") == {
            "memory.max": str(48 * MIB),
            "memory.swap.max": "0",
            "cpu.max": "150000 100000",
            "cpu.weight": "79",
            "cpuset.cpus": "0-1",
        }
        assert (folder / "pids.max").read_text().strip() in ("max", "4194304")


def test_more_processes_than_allowed(engine: RunningEngine) -> None:
    command = "for i in 1 2 3 4 5 6 7 8; do sleep 100 & done"
    done = engine.docker("run", "--rm", "--pids-limit", "5", "busybox", "sh", "-c", command)
    assert "can't fork" in done.stderr


def test_a_process_that_is_killed_for_memory_is_told_of(engine: RunningEngine) -> None:
    limits = ("--memory", "16m", "--memory-swap", "16m")
    done = engine.docker("run", "--name", "parent", *limits, "busybox", "sh", "-c", "tail /dev/zero; sleep 3; exit 5")
    state = inspect(engine, "parent")["State"]
    assert (done.returncode, state["ExitCode"], state["OOMKilled"]) == (5, 5, True)
    events = engine.docker(
        "events", "--since", "0", "--until", "-1s", "--filter", "container=parent", "-f", "event=oom"
    )
    assert "container oom" in events.stdout


def test_killed_for_memory(engine: RunningEngine) -> None:
    done = engine.docker(
        "run", "--name", "eater", "--memory", "16m", "--memory-swap", "16m", "busybox", "tail", "/dev/zero"
    )
    state = inspect(engine, "eater")["State"]
    assert (done.returncode, state["ExitCode"], state["OOMKilled"], state["Status"]) == (137, 137, True, "exited")
    events = engine.docker("events", "--since", "0", "--until", "-1s", "--filter", "container=eater", "-f", "event=oom")
    assert "container oom" in events.stdout


def test_pause(engine: RunningEngine) -> None:
    with running(engine) as container:
        folder = group(engine, container)
        assert engine.docker("pause", container).returncode == 0
        assert "frozen 1" in (folder / "cgroup.events").read_text()
        assert inspect(engine, container)["State"]["Status"] == "paused"
        assert engine.docker("exec", container, "true").returncode == 1
        assert engine.docker("unpause", container).returncode == 0
        assert "frozen 0" in (folder / "cgroup.events").read_text()
        assert engine.docker("exec", container, "echo", "awake").stdout == "awake\n"


def test_stats(engine: RunningEngine) -> None:
    """The keys are those of dockerd's on cgroup v2."""
    with running(
        engine, "--memory", "64m", command=("sh", "-c", "head -c 4000000 /dev/zero > /file; sleep 10000")
    ) as container:
        status, frame = call(engine, "GET", f"/containers/{container}/stats?stream=0&one-shot=1")
        assert status == 200
        assert frame["pids_stats"]["current"] >= 1
        memory = frame["memory_stats"]
        assert set(memory) == {"usage", "stats", "limit"}
        assert (memory["limit"], 0 < memory["usage"] < 64 * MIB) == (64 * MIB, True)
        assert {"anon", "file", "inactive_file", "slab", "pgfault", "workingset_refault", "file_mapped"} <= set(
            memory["stats"]
        )
        assert "cache" not in memory["stats"]
        cpu = frame["cpu_stats"]
        assert cpu["cpu_usage"]["total_usage"] > 0
        assert ("percpu_usage" in cpu["cpu_usage"], cpu["online_cpus"]) == (False, 2)
        assert frame["blkio_stats"]["io_serviced_recursive"] is None
        assert "eth0" in frame["networks"]
        shown = json.loads(engine.docker("stats", "--no-stream", "--format", "{{json .}}", container).stdout)
        assert (shown["PIDs"], shown["MemUsage"].split(" / ")[1]) == ("1", "64MiB")


def test_top(engine: RunningEngine) -> None:
    with running(engine, command=("sh", "-c", "sleep 1234 & sleep 5678")) as container:
        eventually(lambda: "sleep 1234" in engine.docker("top", container).stdout)
        assert "sleep 5678" in engine.docker("top", container, "-o", "pid,args").stdout


def test_devices(engine: RunningEngine) -> None:
    """A program of eBPF decides: what is not given cannot be opened, though there is a node."""
    disk = os.stat("/dev/vda").st_rdev
    number = f"{os.major(disk)}:{os.minor(disk)}"
    command = f"mknod /disk b {number.replace(':', ' ')}; head -c 1 /disk | wc -c; : >>/disk"
    refused = engine.docker("run", "--rm", "busybox", "sh", "-c", command)
    assert (refused.stdout, "/disk: Operation not permitted" in refused.stderr) == ("0\n", True)
    for flags in (("--device-cgroup-rule", f"b {number} r"), ("--device", "/dev/vda:/disk:r")):
        done = engine.docker("run", "--rm", *flags, "busybox", "sh", "-c", command)
        assert (done.stdout, "create /disk: Operation not permitted" in done.stderr) == ("1\n", True)


@pytest.mark.parametrize(("flags", "own"), [((), True), (("--cgroupns", "host"), False), (("--privileged",), True)])
def test_cgroup_namespace(engine: RunningEngine, flags: tuple[str, ...], own: bool) -> None:
    command = (
        "cat /proc/self/cgroup; ls /sys/fs/cgroup/memory.max 2>&1; mkdir /sys/fs/cgroup/x 2>/dev/null && echo writable"
    )
    shown = engine.docker("run", "--rm", *flags, "busybox", "sh", "-c", command).stdout.splitlines()
    assert (shown[0] == "0::/", shown[1] == "/sys/fs/cgroup/memory.max") == (own, own)
    assert ("writable" in shown) == ("--privileged" in flags)


def test_info(engine: RunningEngine) -> None:
    info = json.loads(engine.docker("info", "-f", "{{json .}}").stdout)
    assert (info["CgroupVersion"], info["CgroupDriver"]) == ("2", "systemd")
    assert "name=cgroupns" in info["SecurityOptions"]
    assert info["Warnings"] is None
    limits = ("MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota", "CPUShares", "CPUSet", "PidsLimit")
    assert {name: info[name] for name in limits} == dict.fromkeys(limits, True)
