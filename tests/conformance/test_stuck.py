"""A container whose runtime hangs holds up nobody else, and can be got rid of."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.conftest import RunningEngine
from suites.volume_plugin import VolumePlugin

SLOW = """#!/bin/sh
# Hangs at what the file `stuck` names.
for word in "$@"; do
    if [ -f {folder}/stuck ] && [ "$word" = "$(cat {folder}/stuck)" ]; then exec sleep 1000; fi
done
exec crun "$@"
"""


@pytest.fixture
def stuck(engine: RunningEngine, tmp_path: Path) -> Iterator[Path]:
    """The verb that is written into this file hangs for containers with `--runtime slow`."""
    program = tmp_path / "slow"
    program.write_text(SLOW.format(folder=tmp_path))
    program.chmod(0o755)
    engine.stop()
    engine.start("--add-runtime", f"slow={program}")
    yield tmp_path / "stuck"
    (tmp_path / "stuck").unlink(missing_ok=True)
    engine.docker("rm", "-f", "hangs", "other")
    engine.stop()
    engine.start()


@pytest.mark.timeout(120)
@pytest.mark.seaway_only("Debian's dockerd runs other runtimes through its shim")
def test_a_hanging_runtime(engine: RunningEngine, stuck: Path) -> None:
    engine.docker("run", "-d", "--name", "hangs", "--runtime", "slow", "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "other", "busybox", "sleep", "1000")
    stuck.write_text("pause")
    with engine.client() as client:
        with pytest.raises(Exception, match="timed out|Read timed out"):
            client.api._post(client.api._url("/containers/{0}/pause", "hangs"), timeout=1)
        before = time.monotonic()
        assert {c.name for c in client.containers.list()} >= {"hangs", "other"}
        assert client.containers.get("hangs").status == "running"
        assert client.containers.get("hangs").top()["Processes"]
        client.containers.get("other").kill()
        assert time.monotonic() - before < 2
    stuck.write_text("kill")
    assert engine.docker("kill", "hangs").returncode == 0
    stuck.unlink()
    assert engine.docker("rm", "-f", "hangs").returncode == 0


class SlowMounts(VolumePlugin):
    """Every mount waits for `free`."""

    def __init__(self, socket_path: Path, home: Path) -> None:
        self.free = threading.Event()
        super().__init__(socket_path, home)

    def answer(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        if method == "VolumeDriver.Mount":
            self.free.wait()
        return super().answer(method, body)


@pytest.fixture
def slow_mounts(tmp_path: Path) -> Iterator[SlowMounts]:
    plugin = SlowMounts(Path("/run/docker/plugins") / f"seawayslow{os.getpid()}.sock", tmp_path / "plugin")
    yield plugin
    plugin.free.set()
    plugin.close()
    plugin.socket_path.unlink()


@pytest.mark.timeout(120)
@pytest.mark.seaway_only("dockerd answers nothing before it has taken over all")
def test_a_container_that_cannot_be_taken_over_yet(engine: RunningEngine, slow_mounts: SlowMounts) -> None:
    slow_mounts.free.set()
    volume = f"type=volume,src=slow,dst=/v,volume-driver={slow_mounts.socket_path.stem}"
    engine.docker("run", "-d", "--name", "hangs", "--mount", volume, "busybox", "sleep", "1000")
    engine.docker("run", "-d", "--name", "other", "busybox", "sleep", "1000")
    slow_mounts.free.clear()
    engine.kill()
    engine.start()
    with engine.client() as client:
        before = time.monotonic()
        assert {c.name: c.status for c in client.containers.list()} == {"hangs": "running", "other": "running"}
        client.containers.get("other").kill()
        assert time.monotonic() - before < 2
        with pytest.raises(Exception, match="timed out|Read timed out"):
            client.api._get(client.api._url("/containers/{0}/top", "hangs"), timeout=1)
    slow_mounts.free.set()
    assert engine.docker("exec", "hangs", "echo", "here").stdout == "here\n"
    assert engine.docker("rm", "-f", "hangs", "other").returncode == 0
    assert engine.docker("volume", "rm", "slow").returncode == 0
