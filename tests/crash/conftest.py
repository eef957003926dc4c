"""Engines that die where a test says, and what they leave behind. Needs root and the docker CLI."""

import os
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from conformance.conftest import import_busybox
from conformance.engines import SEAWAY, RunningEngine, end_leftovers
from seaway.kernel import cgroup


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEngine]:
    if os.geteuid() or not shutil.which("docker"):
        pytest.skip("needs root and the docker CLI")
    undo_cgroup = cgroup.ensure_crun_can_start()
    root, namespace = tmp_path_factory.mktemp("crash"), f"seaway-crash-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", namespace], check=True)
    subprocess.run(["ip", "-n", namespace, "link", "set", "lo", "up"], check=True)
    engine = RunningEngine(root, namespace, SEAWAY)
    try:
        engine.start()
        import_busybox(engine)
        yield engine
        if ids := engine.docker("ps", "-aq").stdout.split():
            engine.docker("rm", "-f", *ids)
        assert engine.stop() == 0
    finally:
        if engine.process and not engine.ended():
            engine.kill()
        end_leftovers(namespace, root)
        undo_cgroup()
