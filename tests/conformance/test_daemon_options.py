"""Flags of the engine that say what containers are like which say nothing themselves."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import Restarted, RunningEngine
from seaway.kernel import cgroup


def run(engine: RunningEngine, *args: str) -> str:
    done = engine.docker("run", "--rm", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def created(engine: RunningEngine, *args: str) -> dict[str, Any]:
    name = engine.docker("create", *args, "busybox", "true").stdout.strip()
    try:
        (found,) = json.loads(engine.docker("inspect", name).stdout)
        return dict(found)
    finally:
        engine.docker("rm", name)


@pytest.fixture
def group() -> Iterator[str]:
    """A parent of cgroups, which an engine makes and leaves."""
    yield "/seaway-test"
    cgroup.remove_group("/seaway-test")


def test_defaults_of_containers(restarted: Restarted, group: str) -> None:
    engine = restarted(
        *("--default-ulimit", "nofile=100:200", "--default-shm-size", "1m", "--no-new-privileges"),
        *("--default-ipc-mode", "shareable", "--cgroup-parent", group, "--dns", "192.0.2.1"),
    )
    said = run(engine, "busybox", "sh", "-c", "ulimit -Sn; ulimit -Hn; grep NoNewPrivs /proc/self/status | cut -f2")
    assert said.split() == ["100", "200", "1"]
    assert run(engine, "--ulimit", "nofile=50:60", "busybox", "sh", "-c", "ulimit -Hn") == "60"
    assert run(
        engine, "--security-opt", "no-new-privileges=false", "busybox", "grep", "NoNewPrivs", "/proc/self/status"
    ).endswith("0")
    assert "size=1024k" in run(engine, "busybox", "grep", "/dev/shm", "/proc/mounts")
    assert "/seaway-test/" in run(engine, "busybox", "cat", "/proc/self/cgroup")
    assert "/seaway-test/own/" in run(
        engine, "--cgroup-parent", "/seaway-test/own", "busybox", "cat", "/proc/self/cgroup"
    )
    assert "nameserver 192.0.2.1" in run(engine, "busybox", "cat", "/etc/resolv.conf")
    host = created(engine)["HostConfig"]
    assert (host["IpcMode"], host["ShmSize"]) == ("shareable", 1 << 20)
    options = engine.docker("info", "-f", "{{.SecurityOptions}}").stdout
    assert "name=no-new-privileges" in options or not engine.is_seaway


def test_an_init_for_everybody(restarted: Restarted) -> None:
    engine = restarted("--init", "--init-path", shutil.which("docker-init") or shutil.which("tini-static") or "")
    assert run(engine, "busybox", "cat", "/proc/1/cmdline").split("\0")[:2] == ["/sbin/docker-init", "--"]
    assert "docker-init" not in run(engine, "--init=false", "busybox", "cat", "/proc/1/cmdline")
    assert "docker-init" not in run(engine, "--pid", "host", "busybox", "cat", "/proc/self/cmdline")


def test_a_seccomp_profile_for_everybody(restarted: Restarted, tmp_path: Path) -> None:
    profile = tmp_path / "profile.json"
    rule = {"names": ["chmod", "fchmod", "fchmodat"], "action": "SCMP_ACT_ERRNO"}
    profile.write_text(json.dumps({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}))
    engine = restarted("--seccomp-profile", str(profile))
    command = ("busybox", "sh", "-c", "touch /x && chmod 700 /x 2>/dev/null || echo refused")
    assert run(engine, *command) == "refused"
    assert run(engine, "--security-opt", "seccomp=unconfined", *command) == ""


@pytest.mark.min_api("1.42")
def test_no_seccomp_for_anybody(restarted: Restarted) -> None:
    engine = restarted("--seccomp-profile", "unconfined")
    assert run(engine, "busybox", "grep", "Seccomp:", "/proc/self/status").endswith("0")


def test_runtimes_of_the_users(restarted: Restarted, tmp_path: Path) -> None:
    wrapper = tmp_path / "wrapper"
    program = shutil.which("crun") or shutil.which("runc")
    wrapper.write_text(f'#!/bin/sh\necho used >> {tmp_path}/used\nexec {program} "$@"\n')
    wrapper.chmod(0o755)
    engine = restarted("--add-runtime", f"mine={wrapper}")
    assert run(engine, "--runtime", "mine", "busybox", "echo", "ran") == "ran"
    assert (tmp_path / "used").exists()
    assert created(engine, "--runtime", "mine")["HostConfig"]["Runtime"] == "mine"
    engine = restarted("--add-runtime", f"mine={wrapper}", "--default-runtime", "mine")
    assert created(engine)["HostConfig"]["Runtime"] == "mine"
    assert engine.docker("info", "-f", "{{.DefaultRuntime}}").stdout.strip() == "mine"


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (("--seccomp-profile", "/nosuch"), "opening seccomp profile (/nosuch) failed: open /nosuch: no such file or directory"),
        (("--storage-opt", "overlay2.foo=1"), "overlay2: unknown option overlay2.foo"),
        (("--storage-opt", "overlay2.size=1g"), "Storage Option overlay2.size only supported for backingFS XFS. Found "),
        (("--storage-opt", "overlay2.size=big"), "invalid size: 'big'"),
        (("--default-runtime", "nosuch"), "specified default runtime 'nosuch' does not exist"),
        (("--exec-opt", "native.cgroupdriver=systemd", "--cgroup-parent", "x"), 'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"'),
        (("--default-ipc-mode", "host"), 'IPC mode "host" is not supported as default value; use "shareable" or "private"'),
    ],
)  # fmt: skip
def test_an_engine_that_does_not_start(engine: RunningEngine, flags: tuple[str, ...], text: str) -> None:
    assert text in engine.refusal(*flags)
