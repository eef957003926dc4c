"""`docker run --help` is the checklist: each option of the CLI's has a row here that shows what it does, or that it is
refused. None is silently ignored.

A row that names another test holds it to that option: the word must stand in that file.
"""

import json
import re
import shlex
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import RunningEngine
from conformance.engines import PATIENCE

HERE = Path(__file__).parent
DEVICE = "/dev/null"


@dataclass(frozen=True)
class Seen:
    """What a command prints in a container that has the option."""

    args: str
    command: str
    wanted: str


@dataclass(frozen=True)
class Recorded:
    """What inspect says at `path` of a container that was created with the option."""

    args: str
    path: str
    wanted: Any


@dataclass(frozen=True)
class Refused:
    """By the CLI or the engine; or discarded with a warning, where the host cannot do it."""

    args: str
    words: str


@dataclass(frozen=True)
class ShownBy:
    """A test in `file` (below tests/conformance) that uses it under this `word`."""

    file: str
    test: str
    word: str = ""


Row = Seen | Recorded | Refused | ShownBy
OPTIONS, NETWORKS, HEALTH, MOUNTS = "test_options.py", "test_networks.py", "test_health.py", "test_mounts.py"
WINDOWS = "is only supported on a Docker daemon running on windows"


def rate(value: int) -> list[dict[str, Any]]:
    return [{"Path": DEVICE, "Rate": value}]


ROWS: dict[str, Row] = {
    "add-host": Seen("--add-host=a.b:1.2.3.4", "grep a.b /etc/hosts", "1.2.3.4\ta.b"),
    "annotation": Recorded("--annotation=a=b", "HostConfig.Annotations", {"a": "b"}),
    "attach": Seen("-a stderr", "echo out", ""),
    "blkio-weight": Refused("--blkio-weight=5", "weight"),
    "blkio-weight-device": Refused(f"--blkio-weight-device={DEVICE}:5", "weight"),
    "cap-add": ShownBy(OPTIONS, "test_does_what_it_says"),
    "cap-drop": ShownBy(OPTIONS, "test_does_what_it_says"),
    "cgroup-parent": Seen(
        "--cgroupns=host --cgroup-parent=/seaway-help", "grep -q /seaway-help/ /proc/self/cgroup && echo there", "there"
    ),
    "cgroupns": Seen("--cgroupns=private", "cut -d: -f3 /proc/self/cgroup | sort -u", "/"),
    "cidfile": ShownBy("test_run_help.py", "test_files_of_the_clients"),
    "cpu-count": Refused("--cpu-count=1", WINDOWS),
    "cpu-percent": Refused("--cpu-percent=1", WINDOWS),
    "cpu-period": Seen("--cpu-period=20000 --cpu-quota=10000", "cut -d' ' -f2 /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_period_us", "20000"),
    "cpu-quota": Seen("--cpu-quota=30000", "cut -d' ' -f1 /sys/fs/cgroup/cpu.max 2>/dev/null || cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us", "30000"),
    "cpu-rt-period": Refused("--cpu-rt-period=1000 --cpu-rt-runtime=2000", "real-time"),
    "cpu-rt-runtime": Refused("--cpu-rt-period=1000 --cpu-rt-runtime=2000", "real-time"),
    "cpu-shares": Seen("-c 512", "cat /sys/fs/cgroup/cpu.weight /sys/fs/cgroup/cpu/cpu.shares 2>/dev/null | sed 's/^\\(20\\|59\\)$/512/'", "512"),
    "cpus": ShownBy(OPTIONS, "test_does_what_it_says"),
    "cpuset-cpus": ShownBy(OPTIONS, "test_does_what_it_says"),
    "cpuset-mems": Seen("--cpuset-mems=0", "cat /sys/fs/cgroup/cpuset/cpuset.mems /sys/fs/cgroup/cpuset.mems 2>/dev/null; true", "0"),
    "detach": ShownBy("test_run.py", "test_stop_kill_and_remove", '"-d"'),
    "detach-keys": ShownBy("test_attach.py", ""),
    "device": ShownBy(OPTIONS, "test_does_what_it_says"),
    "device-cgroup-rule": Seen("--device-cgroup-rule='c 7:77 rw' --cap-add=MKNOD", "mknod /n c 1 7 && echo x 2>/dev/null >/n; mknod /v c 7 77 && (: </v) 2>&1 | grep -o 'No such device'", "No such device"),
    "device-read-bps": Recorded(f"--device-read-bps={DEVICE}:1mb", "HostConfig.BlkioDeviceReadBps", rate(1 << 20)),
    "device-read-iops": Recorded(f"--device-read-iops={DEVICE}:7", "HostConfig.BlkioDeviceReadIOps", rate(7)),
    "device-write-bps": Recorded(f"--device-write-bps={DEVICE}:1mb", "HostConfig.BlkioDeviceWriteBps", rate(1 << 20)),
    "device-write-iops": Recorded(f"--device-write-iops={DEVICE}:7", "HostConfig.BlkioDeviceWriteIOps", rate(7)),
    "disable-content-trust": Refused("--disable-content-trust=false", "notary"),
    "dns": Seen("--network=bridge --dns=9.8.7.6", "grep ^nameserver /etc/resolv.conf", "nameserver 9.8.7.6"),
    "dns-option": Seen("--network=bridge --dns-option=ndots:3", "grep ^options /etc/resolv.conf", "options ndots:3"),
    "dns-search": Seen("--network=bridge --dns-search=a.b", "grep ^search /etc/resolv.conf", "search a.b"),
    "domainname": ShownBy(OPTIONS, "test_does_what_it_says"),
    "entrypoint": Recorded("--entrypoint=/bin/true", "Path", "/bin/true"),
    "env": Seen("-e A=b", "echo $A", "b"),
    "env-file": ShownBy("test_run_help.py", "test_files_of_the_clients"),
    "expose": Recorded("--expose=80-81", "Config.ExposedPorts", {"80/tcp": {}, "81/tcp": {}}),
    "gpus": ShownBy(OPTIONS, "", "DeviceRequests"),
    "group-add": ShownBy(OPTIONS, "test_does_what_it_says"),
    "health-cmd": ShownBy(HEALTH, "test_the_status_follows_the_probes"),
    "health-interval": ShownBy(HEALTH, "test_the_status_follows_the_probes"),
    "health-retries": ShownBy(HEALTH, ""),
    "health-start-interval": ShownBy("test_run_help.py", "test_the_interval_of_a_start_period"),
    "health-start-period": ShownBy(HEALTH, "test_failures_in_the_start_period_do_not_count"),
    "health-timeout": ShownBy(HEALTH, "test_a_probe_that_takes_too_long_is_given_up"),
    "hostname": Seen("-h name", "hostname", "name"),
    "init": ShownBy(OPTIONS, "test_does_what_it_says"),
    "interactive": ShownBy("test_run.py", "test_stdin_is_closed_at_its_end", '"-i"'),
    "io-maxbandwidth": Refused("--io-maxbandwidth=1m", WINDOWS),
    "io-maxiops": Refused("--io-maxiops=1", WINDOWS),
    "ip": ShownBy(NETWORKS, ""),
    "ip6": ShownBy("test_ipv6.py", ""),
    "ipc": ShownBy(OPTIONS, "test_does_what_it_says"),
    "isolation": Refused("--isolation=hyperv", "invalid isolation"),
    "kernel-memory": Recorded("--kernel-memory=50m", "HostConfig.KernelMemory", None),  # gone since API 1.42
    "label": Recorded("-l a=b", "Config.Labels.a", "b"),
    "label-file": ShownBy("test_run_help.py", "test_files_of_the_clients"),
    "link": ShownBy(NETWORKS, ""),
    "link-local-ip": ShownBy(NETWORKS, "", "LinkLocal"),
    "log-driver": ShownBy("test_logs.py", ""),
    "log-opt": ShownBy("test_logs.py", ""),
    "mac-address": ShownBy(NETWORKS, ""),
    "memory": ShownBy(OPTIONS, "test_does_what_it_says"),
    "memory-reservation": Seen("--memory-reservation=20m", "cat /sys/fs/cgroup/memory/memory.soft_limit_in_bytes /sys/fs/cgroup/memory.low 2>/dev/null; true", str(20 << 20)),
    "memory-swap": ShownBy(OPTIONS, "test_refused_at_create", "MemorySwap"),
    "memory-swappiness": ShownBy(OPTIONS, "test_refused_at_create", "MemorySwappiness"),
    "mount": ShownBy(MOUNTS, ""),
    "name": Recorded("--name=of-my-own", "Name", "/of-my-own"),
    "network": Seen("--network=none", "ls /sys/class/net", "lo"),
    "network-alias": ShownBy("test_dns.py", ""),
    "no-healthcheck": ShownBy(HEALTH, "test_none_is_no_check"),
    "oom-kill-disable": ShownBy(OPTIONS, "test_warned_of", "OomKillDisable"),
    "oom-score-adj": ShownBy(OPTIONS, "test_does_what_it_says"),
    "pid": ShownBy(OPTIONS, "test_does_what_it_says"),
    "pids-limit": ShownBy(OPTIONS, "test_does_what_it_says"),
    "platform": Refused("--platform=linux/s390x --pull=never", "platform"),
    "privileged": ShownBy(OPTIONS, "test_a_privileged_container_has_the_hosts_devices"),
    "publish": ShownBy("test_ports.py", "test_a_published_port_answers_everybody", '"-p"'),
    "publish-all": ShownBy("test_ports.py", "test_a_range_and_all_exposed_ports", '"-P"'),
    "pull": Refused("--pull=never not-here", "No such image: not-here"),
    "quiet": Refused("-q --pull=never not-here", "No such image: not-here"),
    "read-only": ShownBy(OPTIONS, "test_does_what_it_says"),
    "restart": ShownBy("test_restart.py", "test_always_starts_again_after_pauses_that_double"),
    "rm": ShownBy("test_run.py", ""),
    "runtime": Refused("--runtime=nosuch", "nosuch"),
    "security-opt": ShownBy(OPTIONS, "test_does_what_it_says"),
    "shm-size": ShownBy(OPTIONS, "test_does_what_it_says"),
    "sig-proxy": ShownBy("test_run_help.py", "test_signals_are_passed_on_or_not"),
    "stop-signal": ShownBy("test_run_help.py", "test_how_it_is_stopped"),
    "stop-timeout": ShownBy("test_run_help.py", "test_how_it_is_stopped"),
    "storage-opt": Refused("--storage-opt=nosuch=1", "nknown option"),
    "sysctl": ShownBy(OPTIONS, "test_does_what_it_says"),
    "tmpfs": ShownBy(OPTIONS, "test_does_what_it_says"),
    "tty": Seen("-t", "test -t 1 && echo terminal", "terminal"),
    "ulimit": ShownBy(OPTIONS, "test_does_what_it_says"),
    "use-api-socket": Seen("--use-api-socket", "test -S /var/run/docker.sock && echo there", "there"),
    "user": Seen("-u 5:6", "id -u; id -g", "5\n6"),
    "userns": ShownBy("test_userns.py", ""),
    "uts": ShownBy(OPTIONS, "test_does_what_it_says"),
    "volume": ShownBy("test_run.py", "test_volumes_and_binds_keep_what_is_written", '"-v"'),
    "volume-driver": ShownBy("test_volumes.py", "test_a_volume_plugin"),
    "volumes-from": ShownBy(MOUNTS, "test_volumes_from_with_modes"),
    "workdir": Seen("-w /deep/er", "pwd", "/deep/er"),
}  # fmt: skip


def options_of(verb: str) -> set[str]:
    said = subprocess.run(["docker", verb, "--help"], capture_output=True, text=True, check=True).stdout
    return set(re.findall(r"^\s+(?:-\w, )?--([a-z0-9-]+)", said, re.MULTILINE)) - {"help"}


@pytest.mark.parametrize("verb", ["run", "create"])
def test_none_is_without_a_row(verb: str) -> None:
    assert options_of(verb) - ROWS.keys() == set()


@pytest.mark.parametrize("option", [name for name, row in ROWS.items() if isinstance(row, ShownBy)])
def test_the_test_that_is_named_is_there(option: str) -> None:
    row = ROWS[option]
    assert isinstance(row, ShownBy)
    text = (HERE / row.file).read_text()
    assert f"def {row.test or 'test_'}" in text
    body = text.partition(f"def {row.test}(")[2] if row.file == Path(__file__).name else text
    assert re.search(f"{row.word or f'--{option}'}(?![a-z-])", body)


def arguments(row: Seen | Recorded | Refused) -> list[str]:
    return [*shlex.split(row.args)]


def names_of(kind: type[Row]) -> list[str]:
    return [name for name, row in ROWS.items() if isinstance(row, kind)]


@pytest.mark.parametrize("option", names_of(Seen))
def test_what_is_seen_inside(engine: RunningEngine, option: str) -> None:
    row = ROWS[option]
    assert isinstance(row, Seen)
    network = () if "--network" in row.args else ("--network", "none")
    if option == "add-host":
        network = ()
    done = engine.docker("run", "--rm", *network, *arguments(row), "busybox", "sh", "-c", row.command)
    assert done.stdout.replace("\r", "").strip() == row.wanted, done.stderr


@pytest.mark.parametrize("option", names_of(Recorded))
def test_what_is_recorded(engine: RunningEngine, option: str) -> None:
    row = ROWS[option]
    assert isinstance(row, Recorded)
    made = engine.docker("create", *arguments(row), "busybox", "true")
    assert made.returncode == 0, made.stderr
    (found,) = json.loads(engine.docker("inspect", made.stdout.strip()).stdout)
    engine.docker("rm", made.stdout.strip())
    value: Any = found
    for key in row.path.split("."):
        value = value.get(key)
    assert value == row.wanted


@pytest.mark.parametrize("option", names_of(Refused))
def test_what_is_refused(engine: RunningEngine, option: str) -> None:
    row = ROWS[option]
    assert isinstance(row, Refused)
    done = engine.docker("create", *arguments(row), "busybox", "true")
    if done.returncode == 0:
        engine.docker("rm", done.stdout.strip())
    assert row.words in done.stderr


def test_files_of_the_clients(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "env").write_text("A=1\nB=two words\n")
    (tmp_path / "labels").write_text("c=3\n")
    files = (f"--env-file={tmp_path}/env", f"--label-file={tmp_path}/labels", f"--cidfile={tmp_path}/id")
    done = engine.docker("run", "--network=none", *files, "busybox", "sh", "-c", "echo $A $B")
    assert done.stdout == "1 two words\n"
    container_id = (tmp_path / "id").read_text()
    labels = engine.docker("inspect", "-f", "{{json .Config.Labels}}", container_id).stdout
    assert json.loads(labels) == {"c": "3"}
    assert engine.docker("rm", container_id).returncode == 0


def test_how_it_is_stopped(engine: RunningEngine) -> None:
    script = "trap 'echo usr1' USR1; echo ready; while :; do sleep 0.1; done"
    flags = ("--name=stops", "--network=none", "--stop-signal=USR1", "--stop-timeout=1")
    engine.docker("run", "-d", *flags, "busybox", "sh", "-c", script)
    wait_for_log(engine, "stops", "ready")
    before = time.monotonic()
    assert engine.docker("stop", "stops").returncode == 0
    assert 1 <= time.monotonic() - before < 8 * PATIENCE
    assert engine.docker("logs", "stops").stdout == "ready\nusr1\n"
    assert engine.docker("inspect", "-f", "{{.State.ExitCode}}", "stops").stdout == "137\n"
    engine.docker("rm", "stops")


def test_the_interval_of_a_start_period(engine: RunningEngine) -> None:
    flags = ("--health-cmd=true", "--health-interval=1h", "--health-start-period=1h", "--health-start-interval=200ms")
    engine.docker("run", "-d", "--name=begins", "--network=none", *flags, "busybox", "sleep", "100")
    deadline = time.monotonic() + 20 * PATIENCE
    while engine.docker("inspect", "-f", "{{.State.Health.Status}}", "begins").stdout != "healthy\n":
        assert time.monotonic() < deadline
    engine.docker("rm", "-f", "begins")


@pytest.mark.parametrize("proxied", [True, False])
def test_signals_are_passed_on_or_not(engine: RunningEngine, proxied: bool) -> None:
    script = "trap 'echo usr1; exit 7' USR1; echo ready; while :; do sleep 0.1; done"
    options = [f"--sig-proxy={str(proxied).lower()}", "--name=hears", "--network=none"]
    command = ["docker", "-H", engine.host, "run", *options, "busybox", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as client:
        assert client.stdout
        assert client.stdout.readline() == "ready\n"
        client.send_signal(signal.SIGUSR1)
        if proxied:
            assert client.wait(20 * PATIENCE) == 7
        else:
            time.sleep(0.5)
            assert engine.docker("logs", "hears").stdout == "ready\n"
        engine.docker("rm", "-f", "hears")


def wait_for_log(engine: RunningEngine, name: str, text: str) -> None:
    deadline = time.monotonic() + 20 * PATIENCE
    while text not in engine.docker("logs", name).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.05)
