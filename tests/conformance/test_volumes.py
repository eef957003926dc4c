"""`docker volume`, through the real CLI and docker-py."""

import json
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import APIError

from conformance.conftest import RunningEngine
from conformance.options import call
from conformance.volumes import names, none_left, prune, prune_path
from suites.volume_plugin import VolumePlugin


@pytest.fixture(autouse=True)
def _no_volumes_left(engine: RunningEngine) -> Iterator[None]:
    with none_left(engine):
        yield


def error(engine: RunningEngine, *args: str) -> str:
    done = engine.docker("volume", *args)
    assert done.returncode == 1
    return done.stderr.strip().removeprefix("Error response from daemon: ")


def test_create_inspect_list_and_remove(engine: RunningEngine) -> None:
    assert engine.docker("volume", "create", "data", "--label", "a=b").stdout == "data\n"
    made = json.loads(engine.docker("volume", "inspect", "data").stdout)[0]
    assert made.pop("CreatedAt").endswith("Z")
    assert not made.pop("Options")  # null or {}, as it was asked for
    assert made == {
        "Driver": "local",
        "Labels": {"a": "b"},
        "Mountpoint": f"{engine.data_root}/volumes/data/_data",
        "Name": "data",
        "Scope": "local",
    }
    assert engine.docker("volume", "create", "data").stdout == "data\n"
    assert engine.docker("volume", "ls", "--format", "{{.Driver}} {{.Name}}").stdout == "local data\n"
    assert engine.docker("volume", "rm", "data").stdout == "data\n"
    assert call(engine, "DELETE", "/volumes/data") == (404, {"message": "get data: no such volume"})
    assert engine.docker("volume", "rm", "-f", "data").returncode == 0
    assert not Path(made["Mountpoint"]).exists()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["x"], "create x: volume name is too short, names should be at least two alphanumeric characters"),
        (["a b"], 'create a b: "a b" includes invalid characters for a local volume name'),
        (["-d", "nope", "vn"], 'create vn: error looking up volume plugin nope: plugin "nope" not found'),
        (["-o", "bogus=1", "vn"], 'create vn: invalid option: "bogus"'),
        (["-o", "type=tmpfs", "vn"], 'create vn: missing required option: "device"'),
        (["-o", "o=bind", "-o", "device=/x", "vn"], 'create vn: missing required option: "type"'),
        (["-o", "device=/x", "vn"], 'create vn: missing required option: "type"'),
        (["-o", "size=xx", "vn"], "create vn: invalid size: 'xx'"),
    ],
)
def test_what_cannot_be_made(engine: RunningEngine, args: list[str], words: str) -> None:
    assert error(engine, "create", *args).startswith(words)
    assert engine.docker("volume", "ls", "-q").stdout == ""


def test_a_volume_in_use(engine: RunningEngine) -> None:
    container = engine.docker("create", "-v", "used:/v", "busybox", "true").stdout.strip()
    for command in (["rm", "used"], ["rm", "-f", "used"]):
        assert error(engine, *command) == f"remove used: volume is in use - [{container}]"
    engine.docker("rm", "-v", container)
    assert engine.docker("volume", "rm", "used").returncode == 0


def test_filters(engine: RunningEngine) -> None:
    for name in ("one-a", "two-a"):
        engine.docker("volume", "create", name, "--label", f"is={name[:3]}")
    engine.docker("create", "--name", "user", "-v", "one-a:/v", "busybox", "true")

    def listed(*filters: str) -> list[str]:
        return engine.docker("volume", "ls", "-q", *(f"--filter={f}" for f in filters)).stdout.split()

    assert listed("name=one") == listed("label=is=one") == listed("dangling=false") == ["one-a"]
    assert listed("dangling=true") == ["two-a"]
    assert listed("driver=local", "label=is") == ["one-a", "two-a"]
    assert listed("driver=other") == []
    assert error(engine, "ls", "--filter", "bogus=1").lower() == "invalid filter 'bogus'"
    assert error(engine, "ls", "--filter", "dangling=x").lower() == "invalid filter 'dangling=[x]'"
    engine.docker("rm", "user")
    engine.docker("volume", "rm", "one-a", "two-a")


def test_prune(engine: RunningEngine) -> None:
    engine.docker("volume", "create", "named", "--label", "keep")
    engine.docker("run", "--name", "user", "-v", "/anon", "-v", "/kept", "busybox", "sh", "-c", "echo 12345 > /anon/f")
    engine.docker("rm", "user")
    if engine.api_version >= (1, 42):
        gone, size_bytes = prune(engine)
        assert (len(gone), size_bytes) == (2, 6)
        assert names(engine) == {"named"}
        everything = {"all": ["true"]}
        assert prune(engine, **everything, **{"label!": ["keep"]}) == (set(), 0)
        assert prune(engine, **everything) == ({"named"}, 0)
    assert "nvalid filter 'bogus'" in error(engine, "prune", "-f", "--filter", "bogus=1")
    engine.docker("volume", "prune", "-f")


@pytest.mark.parametrize("version", ["1.41", "1.42", ""])
def test_prune_by_label(engine: RunningEngine, version: str) -> None:
    """Named volumes go without `all` to clients before 1.42 only."""
    if version == "1.42" and engine.api_version < (1, 42):
        pytest.skip("needs API 1.42")
    for name, label in (("ab", "a=b"), ("ac", "a=c"), ("none", "z")):
        engine.docker("volume", "create", "--label", label, name)
    nameless = engine.docker("volume", "create", "--label", "a=b").stdout.strip()

    def pruned(**filters: list[str]) -> set[str]:
        status, answer = call(engine, "POST", prune_path(**filters), version=version)
        assert status == 200, answer
        return set(answer["VolumesDeleted"] or ())

    every = {} if version == "1.41" or engine.api_version < (1, 42) else {"all": ["true"]}
    if every:
        assert pruned(label=["a=c"]) == pruned(all=["false"], label=["a=c"]) == set()
    assert pruned(label=["a=b", "z"], **every) == set()
    assert pruned(**{"label!": ["a"]}, **every) == {"none"}
    assert pruned(label=["a=b"], **every) == {"ab", nameless}
    assert pruned(**every) == {"ac"}


def test_a_volume_with_mount_options_is_neither_pruned_nor_measured(engine: RunningEngine) -> None:
    mounted = ("-o", "type=tmpfs", "-o", "device=tmpfs", "mounted")
    for options in (("plain",), mounted):
        engine.docker("volume", "create", "--label", "options", *options)
    measured = {each["Name"] for each in call(engine, "GET", "/system/df")[1]["Volumes"]}
    assert measured & {"plain", "mounted"} == {"plain"}
    everything = {"all": ["true"]} if engine.api_version >= (1, 42) else {}
    assert prune(engine, label=["options"], **everything) == ({"plain"}, 0)
    assert engine.docker("volume", "rm", "mounted").returncode == 0


def test_one_prune_at_a_time(engine: RunningEngine, client: DockerClient) -> None:
    """The second is refused, or comes when the first is done."""
    for n in range(30):
        client.volumes.create(f"pruned{n}")
    filters = {"all": True} if engine.api_version >= (1, 42) else {}

    def prune(_: int) -> str:
        try:
            client.volumes.prune(filters)
        except APIError as failed:
            return str(failed.explanation)
        return ""

    with ThreadPoolExecutor(4) as pool:
        answers = set(pool.map(prune, range(4)))
    assert "" in answers
    assert answers <= {"", "a prune operation is already running"}
    assert engine.docker("volume", "ls", "-q").stdout == ""


def test_options_of_the_local_driver(engine: RunningEngine, tmp_path: Path) -> None:
    options = ["-o", "type=none", "-o", "o=bind", "-o", f"device={tmp_path}"]
    engine.docker("volume", "create", "bound", *options)
    engine.docker("volume", "create", "ram", "-o", "type=tmpfs", "-o", "device=tmpfs", "-o", "o=size=1m,uid=33")
    script = "echo x > /b/made; stat -c %u /r; cat /proc/mounts"
    done = engine.docker(
        "run", "--rm", "-v", "bound:/b", "-v", "ram:/r", "busybox", "sh", "-c", script
    ).stdout.splitlines()
    assert done[0] == "33"
    assert "tmpfs /r tmpfs rw,relatime,size=1024k,uid=33 0 0" in done
    assert (tmp_path / "made").read_text() == "x\n"
    assert f"{engine.data_root}/volumes/" not in Path("/proc/mounts").read_text()
    assert engine.docker("volume", "rm", "bound", "ram").returncode == 0
    assert (tmp_path / "made").exists()


def test_a_device_that_is_not_there(engine: RunningEngine) -> None:
    engine.docker("volume", "create", "bad", "-o", "type=none", "-o", "o=bind", "-o", "device=/nonexist")
    done = engine.docker("run", "--rm", "-v", "bad:/b", "busybox", "true")
    assert done.returncode == 127  # the CLI's choice, by the text
    where = f"{engine.data_root}/volumes/bad/_data"
    assert (
        f"failed to mount local volume: mount /nonexist:{where}, flags: 0x1000: no such file or directory"
        in done.stderr
    )
    engine.docker("volume", "rm", "bad")


def test_events(engine: RunningEngine, client: DockerClient) -> None:
    started = int(time.time())
    volume = client.volumes.create("seen")
    client.containers.run("busybox", "true", volumes=["seen:/v:ro"], remove=True)
    volume.remove()
    events = client.events(
        since=started, until=int(time.time()) + 1, filters={"type": "volume", "volume": "seen"}, decode=True
    )
    seen = [(e["Action"], e["Actor"]["Attributes"]) for e in events]
    assert [action for action, _ in seen] == ["create", "create", "mount", "unmount", "destroy"]
    mount = dict(seen[2][1])
    assert len(mount.pop("container")) == 64
    assert mount == {"destination": "/v", "driver": "local", "propagation": "", "read/write": "false"}


def test_docker_py(client: DockerClient) -> None:
    volume = client.volumes.create(name="py", labels={"x": "y"})
    assert client.volumes.get("py").attrs["Labels"] == {"x": "y"}
    assert [v.name for v in client.volumes.list(filters={"name": "py"})] == ["py"]
    volume.remove(force=True)
    with pytest.raises(APIError) as missing:
        client.volumes.get("py")
    assert missing.value.status_code == 404


@pytest.fixture
def plugin(tmp_path: Path) -> Iterator[VolumePlugin]:
    made = VolumePlugin(Path("/run/docker/plugins") / f"seawaytest{os.getpid()}.sock", tmp_path / "plugin")
    yield made
    made.close()
    made.socket_path.unlink()


def test_a_volume_plugin(engine: RunningEngine, plugin: VolumePlugin) -> None:
    name = plugin.socket_path.stem
    made = engine.docker("volume", "create", "-d", name, "-o", "k=v", "pv")
    assert made.stdout == "pv\n", made.stderr
    write = engine.docker("run", "--rm", "-v", "pv:/v", "busybox", "sh", "-c", "echo kept > /v/f")
    assert write.returncode == 0, write.stderr
    assert (plugin.home / "pv/f").read_text() == "kept\n"
    engine.docker("run", "--name", "user", "--volume-driver", name, "-v", "pv2:/v", "busybox", "true")
    found = json.loads(engine.docker("volume", "inspect", "pv").stdout)[0]
    assert (found["Driver"], found["Scope"], found["Status"]) == (name, "global", {"from": "test"})
    assert "pv" not in prune(engine, **({"all": ["true"]} if engine.api_version >= (1, 42) else {}))[0]
    listed = engine.docker("volume", "ls", "--filter", f"driver={name}", "-q").stdout.split()
    assert sorted(listed) == ["pv", "pv2"]
    plugin.fails["VolumeDriver.Mount"] = "out of order"
    failed = engine.docker("run", "--rm", "-v", "pv:/v", "busybox", "true")
    assert f"error while mounting volume '{plugin.home}/pv': out of order" in failed.stderr
    del plugin.fails["VolumeDriver.Mount"]
    engine.docker("rm", "user")
    assert plugin.mounts == set()
    assert engine.docker("volume", "rm", "pv", "pv2").returncode == 0
    assert list(plugin.home.iterdir()) == []


def test_only_a_local_volume_is_for_all_where_no_mode_is_given(engine: RunningEngine, plugin: VolumePlugin) -> None:
    """SELinux's `z`: a plugin's files are its own to label."""
    name = plugin.socket_path.stem
    engine.docker("volume", "create", "-d", name, "theirs")
    mount = f"--mount=type=volume,source=theirs2,target=/m,volume-driver={name}"
    engine.docker("create", "--name=moded", "-v=theirs:/v", "-v=theirs:/ro:ro", mount, "-v=ours:/o", "busybox", "true")
    inspected = json.loads(engine.docker("inspect", "moded").stdout)[0]
    assert {m["Destination"]: m["Mode"] for m in inspected["Mounts"]} == {"/v": "", "/ro": "ro", "/m": "", "/o": "z"}
    assert sorted(inspected["HostConfig"]["Binds"]) == ["ours:/o", "theirs:/ro:ro", "theirs:/v"]
    engine.docker("rm", "moded")
    assert engine.docker("volume", "rm", "theirs", "theirs2").returncode == 0


def test_a_read_only_bind_as_a_volume(engine: RunningEngine, tmp_path: Path) -> None:
    engine.docker("volume", "create", "robind", "-o", "type=none", "-o", "o=bind,ro", "-o", f"device={tmp_path}")
    done = engine.docker("run", "--rm", "-v", "robind:/b", "busybox", "sh", "-c", "echo x > /b/made")
    assert "Read-only file system" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "device", "options", "words"),
    [
        ("nfs", ":/data", "addr=localhost,nolock", "mount :/data:{}, data: addr=127.0.0.1,nolock: "),
        ("cifs", "//127.0.0.1/x", "username=u,password=secret", "data: username=u,password=********: "),
    ],
)
@pytest.mark.seaway_only("dockerd 20.10 shows the password")
def test_network_filesystems_are_mounted_by_address(
    engine: RunningEngine, kind: str, device: str, options: str, words: str
) -> None:
    """This kernel has neither: what it was asked for is in its refusal."""
    engine.docker("volume", "create", "net", "-o", f"type={kind}", "-o", f"o={options}", "-o", f"device={device}")
    done = engine.docker("run", "--rm", "-v", "net:/b", "busybox", "true")
    assert words.format(f"{engine.data_root}/volumes/net/_data") in done.stderr
