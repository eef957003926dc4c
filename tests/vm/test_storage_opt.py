"""--storage-opt size=, of a container and of the engine: the machine's kernel has project quotas, on ext4 and on xfs."""

import json
import os
from collections.abc import Iterator

import pytest

from conformance.conftest import RunningEngine, import_busybox, started_engine
from suites.disks import disk_with_project_quotas

FILL = "dd if=/dev/zero of=/f bs=1M count={mib} conv=fsync"


@pytest.fixture(params=["ext4", "xfs"])
def limiting(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[RunningEngine]:
    """An engine whose data root is such a disk."""
    root = tmp_path_factory.mktemp("limiting")
    with disk_with_project_quotas(request.param, root / "disk", root / "data"):
        with started_engine(pytestconfig, root) as engine:
            import_busybox(engine)
            yield engine


def is_full(complaint: str) -> bool:
    return any(text in complaint.lower() for text in ("disk quota exceeded", "no space left on device"))


def test_a_container_holds_as_much_as_it_may(limiting: RunningEngine) -> None:
    docker, fill = limiting.docker, FILL.format(mib=20)
    # A full one on xfs cannot be mounted any more: overlayfs makes a directory for it.
    script = f"{fill}; wc -c < /f; {FILL.format(mib=4)}"
    first = docker("run", "--name", "small", "--storage-opt", "size=8m", "busybox", "sh", "-c", script)
    assert is_full(first.stderr)
    assert 6 << 20 < int(first.stdout) <= 8 << 20
    assert docker("run", "--rm", "busybox", "sh", "-c", fill).returncode == 0
    shown = json.loads(docker("inspect", "-s", "small").stdout)[0]
    assert (shown["HostConfig"]["StorageOpt"], shown["SizeRw"]) == ({"size": "8m"}, 4 << 20)
    # The limit outlives the engine. A commit's layer has none.
    limiting.stop()
    limiting.start()
    again = docker("start", "-a", "small")
    assert (is_full(again.stderr), again.stdout) == (True, first.stdout)
    assert docker("commit", "small", "committed").returncode == 0
    assert docker("run", "--rm", "committed", "sh", "-c", "cat /f /f /f > /g").returncode == 0
    (limiting.root / "large").write_bytes(os.urandom(10 << 20))
    copied = docker("cp", str(limiting.root / "large"), "small:/large")
    assert (copied.returncode, is_full(copied.stderr)) == (1, True), copied.stderr
    assert docker("rm", "small").returncode == 0


def test_all_containers_hold_as_much_as_the_engine_says(limiting: RunningEngine) -> None:
    docker = limiting.docker
    limiting.stop()
    limiting.start("--storage-opt", "overlay2.size=8m")
    assert is_full(docker("run", "--rm", "busybox", "sh", "-c", FILL.format(mib=20)).stderr)
    own = docker("run", "--rm", "--storage-opt", "size=40m", "busybox", "sh", "-c", FILL.format(mib=20))
    assert own.returncode == 0, own.stderr
    refused = docker("create", "--storage-opt", "size=much", "busybox", "true")
    assert refused.stderr.strip() == "Error response from daemon: invalid size: 'much'"


def test_a_volume_holds_as_much_as_it_may(limiting: RunningEngine) -> None:
    docker = limiting.docker
    assert docker("volume", "create", "-o", "size=8m", "small").returncode == 0
    fill = "dd if=/dev/zero of=/data/f bs=1M count=20 conv=fsync; wc -c < /data/f"
    filled = docker("run", "--rm", "-v", "small:/data", "busybox", "sh", "-c", fill)
    assert is_full(filled.stderr)
    assert 6 << 20 < int(filled.stdout) <= 8 << 20
    limiting.stop()
    limiting.start()
    again = docker(
        "run", "--rm", "-v", "small:/data", "busybox", "dd", "if=/dev/zero", "of=/data/g", "bs=1M", "count=4"
    )
    assert is_full(again.stderr)
    assert docker("volume", "rm", "small").returncode == 0
