"""The engine's own event loop starts processes in another way than asyncio's: a run must not hang there."""

import asyncio
import os
import secrets
import shutil
from pathlib import Path

import pytest
import uvloop

from seaway.base.supervisor import Supervisor
from seaway.kernel.cgroup import ensure_crun_can_start
from seaway.kernel.process import find_program
from seaway.runtime.crun import Runtime
from seaway.runtime.exits import ExitWatcher
from seaway.runtime.host import read_host_limits
from seaway.runtime.requests import RunRequest
from seaway.runtime.spec import SpecRequest, build_spec
from seaway.runtime.spec.request import ProcessRequest

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(find_program(p) for p in ("conmon", "crun", "busybox")),
    reason="needs root, conmon, crun and busybox",
)
RUNS = 10


def test_runs_end(tmp_path: Path) -> None:
    (tmp_path / "rootfs/bin").mkdir(parents=True)
    shutil.copy(find_program("busybox") or "", tmp_path / "rootfs/bin/sh")
    undo = ensure_crun_can_start()
    try:
        codes = uvloop.run(asyncio.wait_for(run_all(tmp_path), 60))
    finally:
        undo()
    assert codes == list(range(RUNS))


async def run_all(base: Path) -> list[int]:
    supervisor = Supervisor()
    exits = ExitWatcher(supervisor)
    exits.start()
    runtime = Runtime(base / "state", exits)
    codes = [await one_run(runtime, base, code) for code in range(RUNS)]
    await exits.close()
    await supervisor.close()
    return codes


async def one_run(runtime: Runtime, base: Path, code: int) -> int:
    container_id = secrets.token_hex(32)
    spec = build_spec(
        SpecRequest(
            process=ProcessRequest(args=("sh", "-c", f"exit {code}"), env=("PATH=/bin",)),
            rootfs=str(base / "rootfs"),
            cgroups_path=f"/seaway-test/{container_id}",
            bounding=read_host_limits().bounding,
        )
    )
    await runtime.create(RunRequest(container_id, base / container_id, spec, base / "log"))
    ended = runtime.wait(container_id)
    await runtime.start(container_id)
    how = await ended
    await runtime.delete(container_id, force=True)
    return how.code
