"""What a container's filesystem became: diff, export, sizes and `docker system df`."""

import json
import tarfile
from pathlib import Path

from conformance.conftest import RunningEngine

SCRIPT = "echo hello > /tmp/new; > /etc/group; echo volume > /data/inside"
# The mount point of the volume, which the engine or the runtime makes.
MADE = {"A /data"}


def run(engine: RunningEngine, name: str) -> None:
    engine.docker("run", "--name", name, "-v", "/data", "busybox", "sh", "-c", SCRIPT)


def test_diff_lists_what_changed(engine: RunningEngine) -> None:
    run(engine, "changed")
    found = set(engine.docker("diff", "changed").stdout.splitlines())
    assert found - MADE == {"C /etc", "C /etc/group", "C /tmp", "A /tmp/new"}
    engine.docker("create", "--name", "same", "busybox", "true")
    assert engine.docker("diff", "same").stdout == ""
    assert "No such container: nosuch" in engine.docker("diff", "nosuch").stderr


def test_export_is_the_root_filesystem_without_its_volumes(engine: RunningEngine, tmp_path: Path) -> None:
    file = tmp_path / "root.tar"
    run(engine, "exported")
    assert engine.docker("export", "-o", str(file), "exported").returncode == 0
    with tarfile.open(file) as tar:
        names = {member.name for member in tar}
        content = tar.extractfile("tmp/new")
        assert content
        assert content.read() == b"hello\n"
        assert tar.getmember("bin/sh").linkname == "busybox"
    assert {"etc/hosts", "data", "dev/console", ".dockerenv"} <= names
    assert "data/inside" not in names


def test_sizes_and_disk_usage(engine: RunningEngine) -> None:
    run(engine, "sized")
    size = engine.docker("ps", "-as", "--filter", "name=sized", "--format", "{{.Size}}").stdout
    assert size.startswith("6B (virtual ")
    found = json.loads(engine.docker("inspect", "-s", "sized").stdout)[0]
    assert found["SizeRw"] == 6
    assert found["SizeRootFs"] > found["SizeRw"]
    with engine.client() as client:
        usage = client.api.df()
    mine = next(c for c in usage["Containers"] if c["Names"] == ["/sized"])
    assert (mine["SizeRw"], mine["SizeRootFs"]) == (6, found["SizeRootFs"])
    volume = next(v for v in usage["Volumes"] if v["Name"] == found["Mounts"][0]["Name"])
    assert volume["UsageData"] == {"RefCount": 1, "Size": 7}
    image = next(i for i in usage["Images"] if i["Id"] == found["Image"])
    assert (image["Containers"] >= 1, image["Size"] <= usage["LayersSize"]) == (True, True)


def test_system_prune_goes_through(engine: RunningEngine) -> None:
    engine.docker("system", "prune", "-f", "--filter", "label!=keep")  # what other tests have left
    engine.docker("create", "--name", "pruned", "busybox", "true")
    done = engine.docker("system", "prune", "-f", "--filter", "label!=keep")
    assert (done.returncode, "Total reclaimed space: 0B" in done.stdout) == (0, True), done.stderr
    assert "pruned" not in engine.docker("ps", "-a", "--format", "{{.Names}}").stdout
