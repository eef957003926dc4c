"""The spec that we build, as a real kernel sees it from inside."""

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seaway.base.supervisor import Supervisor
from seaway.kernel.cgroup import ensure_crun_can_start
from seaway.kernel.process import find_program
from seaway.runtime.attach import AttachChannel
from seaway.runtime.crun import Runtime
from seaway.runtime.exits import Exit, ExitWatcher
from seaway.runtime.host import read_host_limits
from seaway.runtime.requests import RunRequest
from seaway.runtime.spec import SpecRequest, build_spec
from seaway.runtime.spec.request import ProcessRequest, Resources, Rlimit, SpecMount, User

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(find_program(p) for p in ("conmon", "crun", "busybox")),
    reason="needs root, conmon, crun and busybox",
)
APPLETS = ("sh", "cat", "id", "grep", "touch", "mkdir", "mount", "ls", "hostname", "unshare", "dd", "tail")


@pytest.fixture(scope="module", autouse=True)
def cgroups() -> Iterator[None]:
    undo = ensure_crun_can_start()
    yield
    undo()


@pytest.fixture
def rootfs(tmp_path: Path) -> Path:
    root = tmp_path / "rootfs"
    (root / "bin").mkdir(parents=True)
    shutil.copy(find_program("busybox") or "", root / "bin/busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    return root


class Runner:
    def __init__(self, runtime: Runtime, rootfs: Path, base: Path) -> None:
        self.runtime, self.base = runtime, base
        host = read_host_limits()
        self.request = SpecRequest(
            process=ProcessRequest(args=("true",), env=("PATH=/bin",)),
            rootfs=str(rootfs),
            cgroups_path="",
            bounding=host.bounding,
            hostname="box",
            arch=host.arch,
            kernel=host.kernel,
            cpu_count=host.cpu_count,
        )

    async def run(self, script: str, request: SpecRequest | None = None, runtime: str = "crun") -> tuple[str, Exit]:
        container_id = secrets.token_hex(32)
        request = request or self.request
        process = replace(request.process, args=("sh", "-c", script))
        spec = build_spec(replace(request, process=process, cgroups_path=f"/seaway-test/{container_id}"))
        run = RunRequest(container_id, self.base / container_id, spec, runtime=runtime)
        await self.runtime.create(run)
        try:
            channel = await AttachChannel.connect(run.run_dir)
            ended = self.runtime.wait(container_id)
            await self.runtime.start(container_id, runtime)
            pieces = []
            while piece := await channel.recv():
                pieces.append(piece.data)
            channel.close()
            return b"".join(pieces).decode(), await ended
        finally:
            await self.runtime.delete(container_id, runtime, force=True)


@pytest.fixture
async def runner(rootfs: Path, tmp_path: Path) -> AsyncIterator[Runner]:
    supervisor = Supervisor()
    exits = ExitWatcher(supervisor)
    exits.start()
    yield Runner(Runtime(tmp_path / "state", exits), rootfs, tmp_path)
    await exits.close()
    await supervisor.close()


@pytest.mark.parametrize("runtime", ["crun", "runc"])
async def test_a_plain_container(runner: Runner, runtime: str) -> None:
    if not find_program(runtime):
        pytest.skip(f"needs {runtime}")
    script = "hostname; id -u; grep -E 'CapEff|Seccomp:|NoNewPrivs' /proc/self/status; cat /dev/null; ls /dev/shm"
    output, end = await runner.run(script, runtime=runtime)
    assert end.code == 0, output
    assert output.split() == ["box", "0", "CapEff:", "00000000a80425fb", "NoNewPrivs:", "0", "Seccomp:", "2"]


async def test_what_seccomp_and_masks_forbid(runner: Runner) -> None:
    script = "unshare -m true || echo no-unshare; ls -A /sys/firmware | grep . || echo masked; echo 1 > /proc/sys/kernel/panic"
    output, end = await runner.run(script)
    assert "no-unshare" in output
    assert "masked" in output
    assert "/proc/sys/kernel/panic: Read-only file system" in output
    assert end.code != 0


async def test_privileged_gets_what_the_host_has(runner: Runner) -> None:
    output, end = await runner.run(
        "grep CapEff /proc/self/status; mount -t tmpfs x /sys/fs && echo ok", replace(runner.request, privileged=True)
    )
    given = int(output.split()[1], 16)
    own = int((Path("/proc/self/status").read_text().partition("CapBnd:")[2].split())[0], 16)
    assert given == own
    assert "ok" in output
    assert end.code == 0


async def test_user_limits_and_read_only_root(runner: Runner) -> None:
    (runner.base / "shared").mkdir()
    process = replace(
        runner.request.process, user=User(1000, 1000, (5,)), rlimits=(Rlimit("nofile", 64, 64),), no_new_privileges=True
    )
    mounts = (SpecMount("/in", str(runner.base / "shared"), "bind", ("rbind", "ro")),)
    output, _end = await runner.run(
        "id -u; id -G; ulimit -n; grep -E 'CapEff|NoNewPrivs' /proc/self/status; touch /x; touch /in/x",
        replace(runner.request, process=process, readonly_rootfs=True, mounts=mounts),
    )
    assert output.startswith("1000\n1000 5\n64\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n")
    assert "/x: Read-only file system" in output
    assert "/in/x: Read-only file system" in output


async def test_out_of_memory_is_seen(runner: Runner) -> None:
    request = replace(runner.request, resources=Resources(memory=8 << 20, memory_swap=8 << 20, pids=50))
    _output, end = await runner.run("dd if=/dev/zero bs=1M count=64 | tail -c 60000000 > /dev/null; exit 9", request)
    assert end.oom_killed
    assert end.code in (9, 137)


async def test_sysctls_reach_the_network_namespace(runner: Runner) -> None:
    output, _end = await runner.run("cat /proc/sys/net/ipv4/ip_unprivileged_port_start")
    assert output == "0\n"
