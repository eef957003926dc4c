"""What shapes a container's process: each option does what it says, or is refused in dockerd's words.

The tables are posted as JSON, for the CLI refuses much of it itself. Where a release before 25 said it otherwise, its
words come last.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import RunningEngine
from conformance.options import Answer, create_and_start

MIB = 1 << 20
DEVICE = {"PathOnHost": "/dev/null", "PathInContainer": "/dev/x", "CgroupPermissions": "rwm"}

# (HostConfig, status, message, an older release's)
REFUSED_AT_CREATE: list[tuple[dict[str, Any], int, str, str]] = [
    ({"Memory": MIB}, 400, "Minimum memory limit allowed is 6MB", ""),
    ({"Memory": 10 * MIB, "MemorySwap": 8 * MIB}, 400,
     "Minimum memoryswap limit should be larger than memory limit, see usage", ""),
    ({"MemorySwap": 8 * MIB}, 400,
     "You should always set the Memory limit when using Memoryswap limit, see usage", ""),
    ({"MemorySwappiness": 101}, 400, "Invalid value: 101, valid memory swappiness range is 0-100", ""),
    ({"MemoryReservation": 1}, 400, "Minimum memory reservation allowed is 6MB", ""),
    ({"Memory": 10 * MIB, "MemoryReservation": 20 * MIB}, 400,
     "Minimum memory limit can not be less than memory reservation limit, see usage", ""),
    ({"NanoCpus": 10**9, "CpuPeriod": 1000}, 400,
     "Conflicting options: Nano CPUs and CPU Period cannot both be set", ""),
    ({"NanoCpus": 10**9, "CpuQuota": 1000}, 400,
     "Conflicting options: Nano CPUs and CPU Quota cannot both be set", ""),
    ({"CpuPeriod": 1}, 400,
     "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)", ""),
    ({"CpuQuota": 1}, 400, "CPU cfs quota can not be less than 1ms (i.e. 1000)", ""),
    ({"CpusetCpus": "x"}, 400, "Invalid value x for cpuset cpus: invalid format: x", ""),
    ({"CpusetCpus": "1-0"}, 400, "Invalid value 1-0 for cpuset cpus: invalid format: 1-0", ""),
    ({"CpusetCpus": "0-9999"}, 400, "Invalid value 0-9999 for cpuset cpus: value of out range, maximum is 8192", ""),
    ({"CpusetMems": "a-b"}, 400, "Invalid value a-b for cpuset mems: invalid format: a-b", ""),
    ({"ShmSize": -1}, 400, "SHM size can not be less than 0", ""),
    ({"OomScoreAdj": 1001}, 400, "Invalid value 1001, range for oom score adj is [-1000, 1000]", ""),
    ({"CapAdd": ["foo"]}, 400, 'invalid CapAdd: unknown capability: "CAP_FOO"', ""),
    ({"CapDrop": ["foo"]}, 400, 'invalid CapDrop: unknown capability: "CAP_FOO"', ""),
    ({"ExtraHosts": ["foo"]}, 400, 'bad format for add-host: "foo"', ""),
    ({"ExtraHosts": ["foo:999.1.1.1"]}, 400, 'invalid IP address in add-host: "999.1.1.1"', ""),
    ({"PortBindings": {"80/tcp": [{"HostPort": "x"}]}}, 400, 'invalid port specification: "x"', ""),
    ({"PortBindings": {"80/tcp": [{"HostPort": "99999"}]}}, 400, 'invalid port specification: "99999"', ""),
    ({"AutoRemove": True, "RestartPolicy": {"Name": "always"}}, 400,
     "can't create 'AutoRemove' container with restart policy", ""),
    ({"NetworkMode": "container:"}, 400,
     "invalid network mode: invalid container format container:<name|id>",
     "Invalid network mode: invalid container format container:<name|id>"),
    ({"CgroupnsMode": "x"}, 400, "invalid cgroup namespace mode: x", ""),
    ({"IpcMode": "container:nosuch"}, 400, "No such container: nosuch", ""),
    ({"PidMode": "container:nosuch"}, 400, "No such container: nosuch", ""),
    ({"Runtime": "nosuch"}, 400, "unknown or invalid runtime name: nosuch", "Unknown runtime specified nosuch"),
    ({"SecurityOpt": ["foo"]}, 500, 'invalid --security-opt 1: "foo"', ""),
    ({"SecurityOpt": ["foo=bar"]}, 500, 'invalid --security-opt 2: "foo=bar"', ""),
    ({"SecurityOpt": ["no-new-privileges=maybe"]}, 500, 'invalid --security-opt 2: "no-new-privileges=maybe"', ""),
    ({"StorageOpt": {"size": "10G"}}, 500,
     "--storage-opt is supported only for overlay over xfs with 'pquota' mount option", ""),
    ({"StorageOpt": {"foo": "1"}}, 500, "Unknown option foo", ""),
    ({"Tmpfs": {"/": ""}}, 400, "invalid specification: destination can't be '/'", ""),
]  # fmt: skip

# The same, where dockerd finds out at the start only.
REFUSED_AT_START: list[tuple[dict[str, Any], int, str]] = [
    ({"Tmpfs": {"/t": "foo=1"}}, 500, 'invalid tmpfs option ["foo" "1"]'),
    ({"GroupAdd": ["nosuch"]}, 500, "Unable to find group nosuch: no matching entries in group file"),
    ({"Devices": [DEVICE | {"PathOnHost": "/dev/nosuch"}]}, 500,
     'error gathering device information while adding custom device "/dev/nosuch": no such file or directory'),
    ({"Devices": [DEVICE | {"PathOnHost": "/etc/passwd"}]}, 500,
     'error gathering device information while adding custom device "/etc/passwd": not a device node'),
    ({"DeviceCgroupRules": ["foo"]}, 500, "invalid device cgroup rule format: 'foo'"),
    ({"DeviceRequests": [{"Count": -1, "Capabilities": [["gpu"]]}]}, 500,
     'could not select device driver "" with capabilities: [[gpu]]'),
    ({"BlkioDeviceReadBps": [{"Path": "/dev/nosuch", "Rate": 1}]}, 500,
     "stat /dev/nosuch: no such file or directory"),
    ({"SecurityOpt": ["seccomp=nosuch"]}, 500,
     "Decoding seccomp profile failed: invalid character 'o' in literal null (expecting 'u')"),
    ({"SecurityOpt": ['seccomp={"defaultAction":"BOGUS"}']}, 500, "string BOGUS is not a valid action for seccomp"),
    ({"Sysctls": {"foo.bar": "1"}}, 500, 'sysctl "foo.bar" is not in a separate kernel namespace'),
    ({"IpcMode": "host", "Sysctls": {"kernel.shmmax": "1"}}, 500,
     'sysctl "kernel.shmmax" is not allowed in the hosts ipc namespace'),
    ({"Ulimits": [{"Name": "foo", "Soft": 1, "Hard": 1}]}, 500, "wrong rlimit value: RLIMIT_FOO"),
]  # fmt: skip

CONFIG_REFUSED: list[tuple[dict[str, Any], int, str, str]] = [
    ({"WorkingDir": "foo"}, 400, "the working directory 'foo' is invalid, it needs to be an absolute path", ""),
    ({"WorkingDir": "/etc/passwd"}, 500, "Cannot mkdir: /etc/passwd is not a directory", ""),
    ({"Env": ["=x"]}, 400, "invalid environment variable: =x", ""),
    ({"StopSignal": "FOO"}, 400, "invalid signal: FOO", "Invalid signal: FOO"),
    ({"Healthcheck": {"Interval": 1}}, 400, "Interval in Healthcheck cannot be less than 1ms", ""),
    ({"Cmd": []}, 400, "no command specified", "No command specified"),
]


@pytest.mark.parametrize(("host", "status", "text", "old"), REFUSED_AT_CREATE)
def test_refused_at_create(engine: RunningEngine, host: dict[str, Any], status: int, text: str, old: str) -> None:
    answer = create_and_start(engine, {}, host, start=False)
    assert (answer.status, answer.message) == (status, engine.words(text, old=old or text))


@pytest.mark.parametrize(("config", "status", "text", "old"), CONFIG_REFUSED)
def test_a_configuration_refused(
    engine: RunningEngine, config: dict[str, Any], status: int, text: str, old: str
) -> None:
    answer = create_and_start(engine, config, {}, start=False)
    expected = engine.words(text, old=old or text)
    # An older release says it with a relative directory's own capital letters.
    assert (answer.status, answer.message.lower().rstrip(".")) == (status, expected.lower())


@pytest.mark.parametrize(("host", "status", "text"), REFUSED_AT_START)
def test_refused_at_start(engine: RunningEngine, host: dict[str, Any], status: int, text: str) -> None:
    answer = create_and_start(engine, {}, host)
    assert answer.status == status
    assert text in answer.message


@pytest.mark.parametrize(
    ("user", "text"),
    [
        ("nosuch", "unable to find user nosuch: no matching entries in passwd file"),
        ("root:nosuch", "unable to find group nosuch: no matching entries in group file"),
        ("-1", "uids and gids must be in range 0-2147483647"),
    ],
)
def test_a_user_that_is_not_there(engine: RunningEngine, user: str, text: str) -> None:
    assert create_and_start(engine, {"User": user}, {}) == Answer(500, text)


@pytest.mark.parametrize(
    ("host", "warning"),
    [
        ({"OomKillDisable": True}, "OOM killer is disabled for the container, but no memory limit is set, "
         "this can result in the system running out of resources."),
        ({"NetworkMode": "host", "PortBindings": {"80/tcp": [{"HostPort": "80"}]}},
         "Published ports are discarded when using host network mode"),
        ({"CpuPercent": 5}, "linux does not support CPU percent. Percent discarded."),
    ],
)  # fmt: skip
def test_warned_of(engine: RunningEngine, host: dict[str, Any], warning: str) -> None:
    assert create_and_start(engine, {}, host, start=False).warnings == (warning,)


def inspect(engine: RunningEngine, name: str) -> dict[str, Any]:
    (found,) = json.loads(engine.docker("inspect", name).stdout)
    return dict(found)


def output(engine: RunningEngine, *args: str) -> str:
    done: subprocess.CompletedProcess[str] = engine.docker("run", "--rm", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize(
    ("flags", "command", "wanted"),
    [
        (("--ipc", "none"), "ls /dev | grep shm; true", ""),
        (("--shm-size", "1m"), "df -k /dev/shm | tail -1 | awk '{print $2}'", "1024"),
        (("--uts", "host"), "hostname", "@hostname"),
        (("--device", "/dev/full:/dev/mine:r"), "ls /dev/mine; echo x > /dev/mine || echo refused", "/dev/mine\nrefused"),
        (("--security-opt", "no-new-privileges"), "grep NoNewPrivs /proc/self/status", "NoNewPrivs:\t1"),
        (("--security-opt", "seccomp=unconfined"), "grep Seccomp: /proc/self/status", "Seccomp:\t0"),
        (("--security-opt", "systempaths=unconfined"), "grep -c ' /proc/' /proc/self/mounts; true", "0"),
        (("--ulimit", "nofile=100:200"), "ulimit -Sn; ulimit -Hn", "100\n200"),
        (("--oom-score-adj", "500"), "cat /proc/self/oom_score_adj", "500"),
        (("--sysctl", "net.ipv4.ip_forward=0"), "cat /proc/sys/net/ipv4/ip_forward", "0"),
        (("--group-add", "12", "--group-add", "34", "-u", "5:6"), "id -G", "6 12 34"),
        (("--domainname", "x.y", "-h", "a"), "hostname; cat /proc/sys/kernel/domainname", "a\nx.y"),
        (("-w", "/deep/er"), "pwd; stat -c '%a %u' /deep/er", "/deep/er\n755 0"),
        (("-e", "A=1", "-e", "A=2", "-e", "PATH=/bin"), "echo $A $PATH", "2 /bin"),
        (("--tmpfs", "/t:size=1m,mode=700,uid=5,exec"), "grep ' /t ' /proc/mounts | grep -c noexec; stat -c '%a %u' /t", "0\n700 5"),
        (("--mount", "type=tmpfs,destination=/t,tmpfs-size=2m,tmpfs-mode=711"), "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'", "711\n2048"),
        (("--read-only",), "touch /x 2>/dev/null || echo refused", "refused"),
        (("--network", "none"), "ls /sys/class/net", "lo"),
        (("--init",), "cat /proc/1/cmdline | tr '\\0' ' '", "/sbin/docker-init -- sh -c cat /proc/1/cmdline | tr '\\0' ' '"),
        (("--pid", "host"), "test $$ -gt 1 && echo many", "many"),
        (("--cap-drop", "ALL", "--cap-add", "chown"), "grep CapEff /proc/self/status", "CapEff:\t0000000000000001"),
        (("--memory", "32m"), "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; true", "33554432"),
        (("--pids-limit", "20"), "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null; true", "20"),
        (("--cpus", "0.5"), "cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null || cut -d' ' -f1 /sys/fs/cgroup/cpu.max", "50000"),
        (("--cpuset-cpus", "0"), "cat /sys/fs/cgroup/cpuset/cpuset.cpus /sys/fs/cgroup/cpuset.cpus 2>/dev/null; true", "0"),
    ],
)  # fmt: skip
def test_does_what_it_says(engine: RunningEngine, flags: tuple[str, ...], command: str, wanted: str) -> None:
    if wanted == "@hostname":
        wanted = os.uname().nodename
    assert output(engine, *flags, "busybox", "sh", "-c", command) == wanted


@pytest.mark.seaway_only("a privileged container asks for no capability that the engine itself lacks")
def test_a_privileged_container_has_the_hosts_devices(engine: RunningEngine) -> None:
    assert {"full", "loop-control", "null"} <= set(output(engine, "--privileged", "busybox", "ls", "/dev").split())


def test_seccomp_profile_of_the_users(engine: RunningEngine, tmp_path: Path) -> None:
    rule = {"names": ["chmod", "fchmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"}
    profile = tmp_path / "profile.json"
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    command = "touch /x && chmod 700 /x || echo refused"
    assert output(engine, "--security-opt", f"seccomp={profile}", "busybox", "sh", "-c", command) == "refused"


@pytest.fixture
def donor(engine: RunningEngine) -> Iterator[str]:
    engine.docker("run", "-d", "--name", "donor", "--ipc", "shareable", "busybox", "sleep", "1000")
    yield "donor"
    engine.docker("rm", "-f", "donor")


def test_namespaces_are_shared(engine: RunningEngine, donor: str) -> None:
    engine.docker("exec", donor, "sh", "-c", "echo shared > /dev/shm/file")
    assert output(engine, "--ipc", f"container:{donor}", "busybox", "cat", "/dev/shm/file") == "shared"
    assert output(engine, "--pid", f"container:{donor}", "busybox", "cat", "/proc/1/cmdline") == "sleep\x001000\x00"
    ours = output(engine, "--ipc", f"container:{donor}", "busybox", "stat", "-L", "-c", "%i", "/proc/self/ns/ipc")
    assert engine.docker("exec", donor, "stat", "-L", "-c", "%i", "/proc/self/ns/ipc").stdout.strip() == ours


def test_who_joins_is_remembered_by_id(engine: RunningEngine, donor: str) -> None:
    engine.docker(
        "create", "--name", "joins", "--pid", f"container:{donor}", "--ipc", "container:donor", "busybox", "true"
    )
    try:
        host, donor_id = inspect(engine, "joins")["HostConfig"], inspect(engine, donor)["Id"]
        assert {host["PidMode"], host["IpcMode"]} == {f"container:{donor_id}"}
        engine.docker("kill", donor)
        engine.docker("wait", donor)
        refused = engine.docker("start", "joins").stderr
        new = f"failed to join IPC namespace: container {donor_id} is not running"
        assert engine.words(new, old=f"container {donor_id} is not running") in refused
    finally:
        engine.docker("rm", "-f", "joins")


def test_a_private_ipc_is_not_joined(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "private", "--ipc", "private", "busybox", "sleep", "1000")
    try:
        refused = engine.docker("run", "--rm", "--ipc", "container:private", "busybox", "true")
        assert "non-shareable IPC (hint: use IpcMode:shareable for the donor container)" in refused.stderr
        assert refused.returncode == 125
    finally:
        engine.docker("rm", "-f", "private")


def test_what_create_fills_in(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "filled", "--memory", "32m", "busybox", "true")
    engine.docker("create", "--name", "lord", "--privileged", "busybox", "true")
    try:
        host = inspect(engine, "filled")["HostConfig"]
        assert (host["MemorySwap"], host["ShmSize"], host["IpcMode"]) == (64 * MIB, 64 * MIB, "private")
        assert "/proc/kcore" in host["MaskedPaths"]
        assert "/proc/sys" in host["ReadonlyPaths"]
        assert host["OomKillDisable"] is False
        lord = inspect(engine, "lord")["HostConfig"]
        assert (lord["SecurityOpt"], lord["MaskedPaths"]) == (["label=disable"], None)
    finally:
        engine.docker("rm", "filled", "lord")
