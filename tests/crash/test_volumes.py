"""The engine is killed while it makes, fills, mounts, renames, copies and removes volumes."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.engines import RunningEngine
from conformance.options import call
from conformance.volumes import names, none_left, prune, prune_path
from crash.remains import remains, settled, wait_until
from crash.test_failpoints import dies


@pytest.fixture(autouse=True)
def _no_volumes_left(engine: RunningEngine) -> Iterator[None]:
    with none_left(engine):
        yield
        engine.docker("rm", "-fv", "subject")
    assert hidden(engine) == []


def hidden(engine: RunningEngine) -> list[str]:
    """Half-made things."""
    home = engine.data_root / "volumes"
    return [str(p) for pattern in (".*.new", "*/filling") for p in home.glob(pattern)]


def labels(engine: RunningEngine, name: str) -> dict[str, str] | None:
    found: dict[str, str] | None = json.loads(engine.docker("volume", "inspect", name).stdout)[0]["Labels"]
    return found


def data(engine: RunningEngine, name: str) -> Path:
    return engine.data_root / "volumes" / name / "_data"


def is_mounted(engine: RunningEngine, name: str) -> bool:
    return str(data(engine, name)) in Path("/proc/mounts").read_text()


def test_a_volume_that_was_being_made_is_not_there(engine: RunningEngine) -> None:
    dies(engine, "volume: staged", "volume", "create", "v1", "--label", "first", "-o", "type=tmpfs", "-o", "device=x")
    assert names(engine) == set()
    assert hidden(engine) == []
    engine.docker("volume", "create", "v1")
    assert not labels(engine, "v1")


@pytest.mark.parametrize("failpoint", ["volume: in the trash", "volume: directory gone"])
def test_a_volume_that_was_being_removed_is_gone(engine: RunningEngine, failpoint: str) -> None:
    engine.docker("volume", "create", "v1", "--label", "first")
    (data(engine, "v1") / "f").write_text("x")
    dies(engine, failpoint, "volume", "rm", "v1")
    assert names(engine) == set()
    trash = engine.data_root / "seaway/trash"
    wait_until(lambda: not trash.exists() or not list(trash.iterdir()))
    assert not trash.exists() or not list(trash.iterdir())
    engine.docker("volume", "create", "v1", "--label", "second")
    assert labels(engine, "v1") == {"second": ""}


def test_a_prune_goes_on_where_it_ended(engine: RunningEngine) -> None:
    for name in ("v1", "v2", "v3"):
        engine.docker("volume", "create", name)
    dies_with_request(engine, "volume: directory gone", prune_path(all=["true"]))
    assert len(left := names(engine)) == 2
    assert prune(engine, all=["true"]) == (left, 0)
    assert names(engine) == set()


def test_a_volume_is_never_half_full(engine: RunningEngine) -> None:
    run = ("create", "--name", "subject", "-v", "v1:/etc", "busybox", "true")
    dies(engine, "copy-up: copied", *run)
    assert hidden(engine) == []
    assert list(data(engine, "v1").iterdir()) == []
    assert engine.docker(*run).returncode == 0
    assert {"passwd", "group"} <= {p.name for p in data(engine, "v1").iterdir()}


@pytest.mark.parametrize("failpoint", ["volume: mounted", "start: volumes mounted"])
def test_a_device_does_not_stay_mounted(engine: RunningEngine, failpoint: str) -> None:
    engine.docker("volume", "create", "v1", "-o", "type=tmpfs", "-o", "device=tmpfs")
    engine.docker("create", "--name", "subject", "-v", "v1:/v:nocopy", "busybox", "true")
    dies(engine, failpoint, "start", "subject")
    wait_until(lambda: not is_mounted(engine, "v1"))
    assert not is_mounted(engine, "v1")
    assert engine.docker("start", "-a", "subject").returncode == 0


def test_a_device_that_is_used_stays_mounted(engine: RunningEngine) -> None:
    engine.docker("volume", "create", "v1", "-o", "type=tmpfs", "-o", "device=tmpfs")
    engine.docker("run", "-d", "--name", "subject", "-v", "v1:/v", "busybox", "sleep", "1000")
    engine.docker("exec", "subject", "sh", "-c", "echo kept > /v/f")
    engine.kill()
    engine.start()
    assert engine.docker("run", "--rm", "-v", "v1:/v", "busybox", "cat", "/v/f").stdout == "kept\n"
    assert engine.docker("exec", "subject", "cat", "/v/f").stdout == "kept\n"
    engine.docker("rm", "-f", "subject")
    engine.docker("volume", "rm", "v1")
    assert not is_mounted(engine, "v1")


@pytest.mark.parametrize(("failpoint", "name"), [("row written", "old"), ("directory renamed", "new")])
def test_a_rename_is_made_or_not(engine: RunningEngine, failpoint: str, name: str) -> None:
    engine.docker("volume", "create", "old", "--label", "a=b")
    (data(engine, "old") / "f").write_text("kept")
    dies_with_request(engine, f"volume rename: {failpoint}", "/volumes/old/rename?name=new")
    assert names(engine) == {name}
    assert labels(engine, name) == {"a": "b"}
    assert (data(engine, name) / "f").read_text() == "kept"


def test_a_clone_is_whole_or_not_there(engine: RunningEngine) -> None:
    engine.docker("volume", "create", "old")
    dies_with_request(engine, "volume: staged", "/volumes/old/clone")
    assert names(engine) == {"old"}


def test_subpaths_and_images_do_not_stay_mounted(engine: RunningEngine) -> None:
    engine.docker("run", "--rm", "-v", "v1:/v", "busybox", "mkdir", "/v/deep")
    mounts = [
        {"Type": "volume", "Source": "v1", "Target": "/s", "VolumeOptions": {"Subpath": "deep"}},
        {"Type": "image", "Source": "busybox", "Target": "/i", "ImageOptions": {"Subpath": "etc"}},
    ]
    body = {"Image": "busybox", "Cmd": ["sh", "-c", "ls /i; echo x > /s/f"], "HostConfig": {"Mounts": mounts}}
    status, answer = call(engine, "POST", "/containers/create?name=subject", body)
    assert status == 201, answer
    created = settled(engine, remains(engine))
    dies(engine, "start: volumes mounted", "start", "subject")
    assert settled(engine, created) == created
    assert "group" in engine.docker("start", "-a", "subject").stdout
    assert (data(engine, "v1") / "deep/f").exists()
    assert settled(engine, created) == created


def usage(engine: RunningEngine) -> dict[str, tuple[int, int]]:
    """Name -> (containers, bytes), of `system df -v`."""
    with engine.client() as client:
        found = client.df()["Volumes"]
    return {v["Name"]: (v["UsageData"]["RefCount"], v["UsageData"]["Size"]) for v in found}


@pytest.mark.parametrize(
    ("failpoint", "command", "wanted"),
    [
        ("create: volumes made", ("create", "--name", "subject", "-v", "v1:/v", "busybox", "true"), (1, 6)),
        ("create: recorded", ("create", "--name", "subject", "-v", "v1:/v", "busybox", "true"), (2, 6)),
        ("start: volumes mounted", ("start", "user"), (1, 6)),
        ("remove: volumes gone", ("rm", "-v", "user"), (0, 6)),
    ],
)
def test_usage_is_right_after_a_kill(
    engine: RunningEngine, failpoint: str, command: tuple[str, ...], wanted: tuple[int, int]
) -> None:
    engine.docker("create", "--name", "user", "-v", "v1:/v", "-v", "/anonymous", "busybox", "true")
    (data(engine, "v1") / "f").write_text("12345\n")
    dies(engine, failpoint, *command)
    wait_until(lambda: usage(engine).get("v1") == wanted)
    assert usage(engine)["v1"] == wanted
    assert len(usage(engine)) == (1 if command[0] == "rm" else 2)
    engine.docker("rm", "-fv", "user", "subject")
    assert usage(engine)["v1"] == (0, 6)
    assert set(usage(engine)) == {"v1"}


def dies_with_request(engine: RunningEngine, failpoint: str, path: str) -> None:
    engine.kill()
    engine.start(failpoint=failpoint)
    with engine.client() as client, pytest.raises(OSError, match=r"(?i)connection|remote"):
        client.api.post(client.api.base_url + path, json={})
    assert engine.process
    engine.process.wait(20)
    (engine.root / "pid").unlink(missing_ok=True)
    engine.start()


@pytest.mark.parametrize("failpoint", ["", "volume: mounted"])
def test_what_a_copy_mounted_goes(engine: RunningEngine, tmp_path: Path, failpoint: str) -> None:
    """After the copy, whose mount is kept for a while, and before it."""
    engine.docker("volume", "create", "v1", "-o", "type=tmpfs", "-o", "device=tmpfs")
    engine.docker("create", "--name", "subject", "-v", "v1:/v:nocopy", "busybox", "true")
    created = settled(engine, remains(engine))
    (tmp_path / "f").write_text("x")
    copy = ("cp", str(tmp_path / "f"), "subject:/tmp")
    if failpoint:
        dies(engine, failpoint, *copy)
    else:
        assert engine.docker(*copy).returncode == 0
        assert remains(engine) != created
        engine.kill()
        engine.start()
    assert settled(engine, created) == created
    assert not is_mounted(engine, "v1")
