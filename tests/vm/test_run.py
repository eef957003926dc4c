"""A container on cgroup v2."""

from pathlib import Path

from conformance.engines import RunningEngine


def test_this_is_cgroup_v2() -> None:
    assert {"cpuset", "cpu", "io", "memory", "pids"} <= set(
        Path("/sys/fs/cgroup/cgroup.controllers").read_text().split()
    )


def test_docker_run(engine: RunningEngine) -> None:
    done = engine.docker("run", "--rm", "busybox", "echo", "hello")
    assert (done.stdout, done.stderr) == ("hello\n", "")
