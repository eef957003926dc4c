"""A container whose runtime hangs holds up nobody else, and can be got rid of."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine

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
