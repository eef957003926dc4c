"""Binds, volumes, tmpfs and images inside a container, through the real CLI."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.volumes import none_left


@pytest.fixture(autouse=True)
def _no_volumes_left(engine: RunningEngine) -> Iterator[None]:
    with none_left(engine):
        yield


def sh(engine: RunningEngine, *options: str, script: str) -> str:
    done = engine.docker("run", "--rm", *options, "busybox", "sh", "-c", script)
    return done.stdout + done.stderr


def refused(engine: RunningEngine, *options: str) -> str:
    done = engine.docker("run", "--rm", *options, "busybox", "true")
    assert done.returncode in (125, 127)  # the CLI's choice, by the text
    said = done.stderr.splitlines()[0].removeprefix("docker: Error response from daemon: ")
    return said.removesuffix(".")  # which older CLIs add


def test_binds_read_write_and_read_only(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hi\n")
    assert sh(engine, "-v", f"{tmp_path}:/a:ro", script="cat /a/f; echo x > /a/g") == (
        "hi\nsh: can't create /a/g: Read-only file system\n"
    )
    sh(engine, "--mount", f"type=bind,source={tmp_path},target=/a", script="echo new > /a/g")
    assert (tmp_path / "g").read_text() == "new\n"
    assert sh(engine, "-v", f"{tmp_path}/f:/etc/one", script="cat /etc/one") == "hi\n"


def test_a_missing_source(engine: RunningEngine, tmp_path: Path) -> None:
    gone = tmp_path / "not" / "there"
    mount = f"type=bind,source={gone},target=/a"
    words = f'invalid mount config for type "bind": bind source path does not exist: {gone}'
    assert refused(engine, "--mount", mount) == words
    engine.docker("create", "--name", "made", "-v", f"{gone}:/a", "busybox", "true")
    assert not gone.exists()
    assert engine.docker("start", "-a", "made").returncode == 0
    assert gone.stat().st_mode & 0o777 == 0o755


def test_sockets_and_devices_are_bound(engine: RunningEngine, tmp_path: Path) -> None:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s"))
    done = sh(engine, "-v", f"{tmp_path}/s:/s", "-v", "/dev/zero:/z", script="stat -c %F /s /z; head -c 3 /z | wc -c")
    listener.close()
    assert done.split("\n")[:3] == ["socket", "character special file", "3"]


def test_propagation_needs_a_shared_source(engine: RunningEngine, tmp_path: Path) -> None:
    subprocess.run(["mount", "--bind", "--make-private", tmp_path, tmp_path], check=True)
    try:
        mounted = f"is mounted on {tmp_path} but it is not a shared mount"
        assert mounted in refused(engine, "-v", f"{tmp_path}:/a:shared")
        assert "is not a shared or slave mount" in refused(engine, "-v", f"{tmp_path}:/a:rslave")
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert refused(engine, "-v", f"{engine.data_root}:/a:private").startswith(
        'invalid mount config: must use either propagation mode "rslave" or "rshared"'
    )


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("-v=/tmp:/a:bogus", "invalid mode: bogus"),
        ("-v=/tmp:/a:ro,rw", "invalid mode: ro,rw"),
        ("-v=a:b:c:d", "invalid volume specification: 'a:b:c:d'"),
        ("-v=/tmp:rel", "invalid mount path: 'rel' mount path must be absolute"),
        ("-v=/tmp:/", "invalid specification: destination can't be '/'"),
        ("-v=rel/x:/a", 'includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]"'),
        ("-v=/etc/passwd", "cannot mount volume over existing file, file exists "),
        ("--tmpfs=rel", "invalid mount path: 'rel' mount path must be absolute"),
        ("--tmpfs=/t:bogus=1", 'invalid tmpfs option ["bogus" "1"]'),
        ("--tmpfs=/t:,", 'invalid tmpfs option [""]'),
        ("-v=/tmp:/a:z,Z", "invalid mode: z,Z"),
        ("-v=/tmp:/a:ro,", "invalid mode: ro,"),
        ("-v=/tmp:/a:exec", "invalid mode: exec"),
        ("-v=/tmp:/a:cached,delegated", "invalid mode: cached,delegated"),
        ("-v=/tmp:/a:private,rshared", "invalid mode: private,rshared"),
        ("-v=/tmp:/a:nocopy", "field VolumeOptions must not be specified"),
        ("-v=vv:/a:shared", "field BindOptions must not be specified"),
        ("--volumes-from=nope", "No such container: nope"),
        ("--mount=type=bogus,target=/t", 'invalid mount config for type "bogus": mount type unknown'),
        ("--mount=type=tmpfs,target=/t,source=x", 'for type "tmpfs": field Source must not be specified'),
        ("--mount=type=bind,target=/t,source=rel", "invalid mount path: 'rel' mount path must be absolute"),
        ("--mount=type=bind,target=/t,source=/tmp,bind-propagation=x", "invalid propagation mode: x"),
        ("--mount=type=volume,target=/t,readonly", "must not set ReadOnly mode when using anonymous volumes"),
    ],
)
def test_refusals(engine: RunningEngine, option: str, words: str) -> None:
    assert words in refused(engine, option)
    assert engine.docker("volume", "ls", "-q", "--filter", "name=^[0-9a-f]{64}$").stdout == ""


@pytest.mark.parametrize("second", ["-v=/usr:/a", "--tmpfs=/a", "--mount=type=volume,target=/a"])
def test_one_destination_twice(engine: RunningEngine, second: str) -> None:
    assert refused(engine, "-v=/tmp:/a", second) == "Duplicate mount point: /a"


def test_a_tmpfs_twice_is_not_refused(engine: RunningEngine) -> None:
    both = ("--tmpfs=/a:size=1m", "--mount=type=tmpfs,target=/a,tmpfs-size=2m")
    assert sh(engine, *both, script="grep -c ' /a tmpfs ' /proc/mounts") == "2\n"


@pytest.mark.parametrize("option", ["-v=vv:/etc/passwd", "--mount=type=volume,source=vv,target=/etc/passwd"])
def test_a_named_volume_over_a_file(engine: RunningEngine, option: str) -> None:
    assert refused(engine, option).endswith("/merged/etc/passwd is not directory")
    nocopy = option + (",volume-nocopy" if "type=" in option else ":nocopy")
    assert engine.docker("create", "--name", "over", nocopy, "busybox", "true").returncode == 0
    engine.docker("rm", "over")
    engine.docker("volume", "rm", "vv")


def test_a_volume_with_too_long_a_name(engine: RunningEngine) -> None:
    name = "x" * 300
    path = f"{engine.data_root}/volumes/{name}"
    words = f"create {name}: error while creating volume root path '{path}': mkdir {path}: file name too long"
    assert refused(engine, f"-v={name}:/a") == words


BINDS = {
    "": ("", True, "rprivate"),
    ":ro": ("ro", False, "rprivate"),
    ":rw": ("rw", True, "rprivate"),
    ":z": ("z", True, "rprivate"),
    ":Z": ("Z", True, "rprivate"),
    ":ro,z": ("ro,z", False, "rprivate"),
    ":cached": ("cached", True, "rprivate"),
    ":delegated": ("delegated", True, "rprivate"),
    ":consistent": ("consistent", True, "rprivate"),
    ":ro,cached,z,rprivate": ("ro,cached,z,rprivate", False, "rprivate"),
    ":private": ("private", True, "private"),
}
VOLUMES = {
    "": ("z", True, ""),
    ":ro": ("ro", False, ""),
    ":Z": ("Z", True, ""),
    ":Z,ro": ("Z,ro", False, ""),
    ":nocopy": ("nocopy", True, ""),
    ":cached": ("cached", True, ""),
}


@pytest.mark.parametrize("mode", BINDS)
def test_every_mode_of_a_bind(engine: RunningEngine, tmp_path: Path, mode: str) -> None:
    """Where the host has no SELinux, z and Z are noted and nothing else: the source's attributes stay."""
    before = os.listxattr(tmp_path)
    assert shown(engine, f"-v={tmp_path}:/a{mode}") == ("bind", str(tmp_path), *BINDS[mode])
    assert os.listxattr(tmp_path) == before


@pytest.mark.parametrize("mode", VOLUMES)
def test_every_mode_of_a_volume(engine: RunningEngine, mode: str) -> None:
    source = f"{engine.data_root}/volumes/moded/_data"
    assert shown(engine, f"-v=moded:/a{mode}") == ("volume", source, *VOLUMES[mode])
    engine.docker("volume", "rm", "moded")


@pytest.mark.parametrize("destination", ["/a/", "/b/../a", "//a", "/a/."])
def test_a_destination_is_cleaned(engine: RunningEngine, tmp_path: Path, destination: str) -> None:
    assert shown(engine, f"-v={tmp_path}/:{destination}")[:2] == ("bind", str(tmp_path))


def shown(engine: RunningEngine, option: str) -> tuple[object, ...]:
    """What inspect says of the mount at /a of a container that has run."""
    done = engine.docker("run", "--name", "shown", option, "busybox", "test", "-d", "/a")
    found = {m["Destination"]: m for m in json.loads(engine.docker("inspect", "shown").stdout)[0]["Mounts"]}
    engine.docker("rm", "-v", "shown")
    assert done.returncode == 0, done.stderr
    return tuple(found["/a"][key] for key in ("Type", "Source", "Mode", "RW", "Propagation"))


def test_a_bind_without_what_is_mounted_below(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path / "below"], check=True)
    try:
        bind, script = f"--mount=type=bind,source={tmp_path},target=/a", "grep -c ' /a' /proc/mounts"
        assert sh(engine, bind, script=script) == "2\n"
        assert sh(engine, f"{bind},bind-nonrecursive", script=script) == "1\n"
        assert sh(engine, f"{bind},bind-nonrecursive,bind-propagation=private", script=script) == "1\n"
    finally:
        subprocess.run(["umount", tmp_path / "below"], check=True)


def test_tmpfs_options(engine: RunningEngine) -> None:
    script = "stat -c '%a %u' /t; cat /proc/mounts"
    made = sh(engine, "--tmpfs", "/t:size=1m,mode=700,uid=33,exec", script=script).splitlines()
    assert made[0] == "700 33"
    assert "tmpfs /t tmpfs rw,nosuid,nodev,relatime,size=1024k,mode=700,uid=33 0 0" in made
    made = sh(engine, "--mount", "type=tmpfs,target=/t,tmpfs-size=2m,tmpfs-mode=0711", script=script).splitlines()
    assert made[0] == "711 0"
    assert "tmpfs /t tmpfs rw,nosuid,nodev,noexec,relatime,size=2048k,mode=711 0 0" in made


def test_the_outermost_is_mounted_first(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    options = ["-v", f"{tmp_path}/in:/a/b/c", "--tmpfs", "/a", "-v", f"{tmp_path}:/a/b"]
    assert sh(engine, *options, script="ls /a /a/b; echo x > /a/b/c/made").split() == ["/a:", "b", "/a/b:", "c", "in"]
    assert (tmp_path / "in/made").exists()


def test_volumes_from_with_modes(engine: RunningEngine, tmp_path: Path) -> None:
    engine.docker(
        "create", "--name", "giver", "-v", "given:/v", "-v", f"{tmp_path}:/b:ro", "-v", "/anon", "busybox", "true"
    )
    assert sh(engine, "--volumes-from", "giver", script="echo hi > /v/f; echo x > /b/x; ls -d /anon") == (
        "/anon\nsh: can't create /b/x: Read-only file system\n"
    )
    assert "Read-only" in sh(engine, "--volumes-from", "giver:ro", script="cat /v/f; echo x > /v/x")
    assert sh(engine, "--volumes-from", "giver", "-v", "/tmp:/v", script="test -e /v/f || echo own") == "own\n"
    assert "invalid mode: bogus" in refused(engine, "--volumes-from", "giver:bogus")
    engine.docker("rm", "-v", "giver")
    engine.docker("volume", "rm", "given")


def test_a_mode_is_not_inherited(engine: RunningEngine, tmp_path: Path) -> None:
    """Nor is a mode of --volumes-from noted: whose files they are was said where they were named."""
    engine.docker("create", "--name=giver", "-v=given:/v", "-v=theirs:/w:Z", f"-v={tmp_path}:/b:ro", "busybox", "true")
    for mode, writable in (("", True), (":rw", True), (":z", True), (":ro", False)):
        engine.docker("create", "--name=heir", f"--volumes-from=giver{mode}", "busybox", "true")
        found = json.loads(engine.docker("inspect", "heir").stdout)[0]["Mounts"]
        engine.docker("rm", "heir")
        assert {m["Destination"]: (m["Mode"], m["RW"]) for m in found} == {
            "/v": ("", writable),
            "/w": ("", writable),
            "/b": ("", False),
        }


def test_a_tmpfs_in_the_place_of_what_is_inherited(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "giver", "-v", "given:/v", "busybox", "true")
    mounted = sh(engine, "--volumes-from=giver", "--tmpfs=/v/", script="grep ' /v ' /proc/mounts").splitlines()
    assert [line.split()[0] for line in mounted] == ["tmpfs"]


def test_inspect_says_what_is_mounted(engine: RunningEngine, tmp_path: Path) -> None:
    options = [
        "-v",
        f"{tmp_path}:/b:ro",
        "-v",
        "seen:/v",
        "--mount",
        "type=volume,source=seen2,target=/w,volume-nocopy",
    ]
    engine.docker("create", "--name", "seen", *options, "busybox", "true")
    found = {m["Destination"]: m for m in json.loads(engine.docker("inspect", "seen").stdout)[0]["Mounts"]}
    assert found["/b"] == {
        "Type": "bind",
        "Source": str(tmp_path),
        "Destination": "/b",
        "Mode": "ro",
        "RW": False,
        "Propagation": "rprivate",
    }
    assert found["/v"] == {
        "Type": "volume",
        "Name": "seen",
        "Source": f"{engine.data_root}/volumes/seen/_data",
        "Destination": "/v",
        "Driver": "local",
        "Mode": "z",
        "RW": True,
        "Propagation": "",
    }
    engine.docker("rm", "seen")
    engine.docker("volume", "rm", "seen", "seen2")


def test_copy_up_keeps_owner_and_mode(engine: RunningEngine) -> None:
    engine.docker("run", "--name", "owned", "busybox", "sh", "-c", "busybox mkdir -p /data/sub; echo hi > /data/sub/f; "
                  "busybox chown -R 33:34 /data; busybox chmod 1770 /data; busybox ln -s /etc /link")  # fmt: skip
    engine.docker("commit", "owned", "owned")
    script = "stat -c '%a %u %g' {0}; cat {0}/sub/f"
    image = ["owned", "sh", "-c"]
    for volume, target in (("up1", "/data"), ("up2", "/data:nocopy")):
        done = engine.docker("run", "--rm", "-v", f"{volume}:{target}", *image, script.format("/data"))
        assert done.stdout == ("1770 33 34\nhi\n" if volume == "up1" else "755 0 0\n")
    assert engine.docker("run", "--rm", "-v", "up3:/link", *image, "ls /link").stdout.split() == sorted(
        os.listdir(f"{engine.data_root}/volumes/up3/_data")
    )
    engine.docker("volume", "rm", "up1", "up2", "up3")
    engine.docker("rm", "owned")
    engine.docker("rmi", "owned")


def test_anonymous_volumes_go_with_their_container(engine: RunningEngine) -> None:
    def volumes() -> list[str]:
        return engine.docker("volume", "ls", "-q").stdout.split()

    before = volumes()
    engine.docker("run", "--rm", "-v", "/a", "busybox", "true")
    assert volumes() == before
    engine.docker("create", "--name", "anon", "-v", "/a", "-v", "named:/b", "busybox", "true")
    engine.docker("create", "--name", "heir", "--volumes-from", "anon", "busybox", "true")
    engine.docker("rm", "-v", "anon")
    assert len(volumes()) == len(before) + 2
    engine.docker("rm", "-v", "heir")
    assert volumes() == [*before, "named"]
    engine.docker("volume", "rm", "named")
    engine.docker("create", "--name", "kept", "-v", "/a", "busybox", "true")
    engine.docker("rm", "kept")
    assert len(volumes()) == len(before) + 1
    engine.docker("volume", "prune", "-f")
    assert volumes() == before


@pytest.mark.min_api("1.45")
@pytest.mark.min_cli("1.45")
def test_subpaths_stay_inside_their_volume(engine: RunningEngine) -> None:
    sh(engine, "-v", "deep:/v", script="busybox mkdir -p /v/a/b; echo hi > /v/a/b/f; busybox ln -s /etc /v/abs; "
       "busybox ln -s ../../.. /v/up; busybox ln -s a/b /v/in")  # fmt: skip
    mount = "--mount=type=volume,source=deep,target=/t,volume-subpath={}"
    assert sh(engine, mount.format("a/b"), script="cat /t/f") == "hi\n"
    assert sh(engine, mount.format("in"), script="cat /t/f") == "hi\n"
    assert sh(engine, mount.format("a/b/f"), script="cat /t") == "hi\n"
    for link in ("abs", "up"):
        assert "escapes the base directory" in refused(engine, mount.format(link))
    assert "cannot access path" in refused(engine, mount.format("gone"))
    assert "subpath must be a relative path within the volume" in refused(engine, mount.format("../x"))
    engine.docker("volume", "rm", "deep")


@pytest.mark.min_api("1.48")
@pytest.mark.min_cli("1.48")
def test_images_are_mounted_read_only(engine: RunningEngine) -> None:
    mount = "--mount=type=image,source=busybox,target=/i"
    assert sh(engine, mount, script="cat /i/etc/group; echo x > /i/x") == (
        "root:x:0:\nsh: can't create /i/x: Read-only file system\n"
    )
    assert "group\n" in sh(engine, f"{mount},image-subpath=etc", script="ls /i")


@pytest.mark.parametrize("flag", ["-v={}:{}:ro", "--mount=type=bind,source={},target={},readonly"])
def test_a_file_is_bound_read_only(engine: RunningEngine, tmp_path: Path, flag: str) -> None:
    (tmp_path / "f").write_text("hi\n")
    (tmp_path / "link").symlink_to("f")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        options = [flag.format(tmp_path / "f", "/new/f"), flag.format(tmp_path / "link", "/etc/group")]
        options += [flag.format("/dev/zero", "/z"), flag.format(tmp_path / "s", "/s")]
        script = "cat /new/f /etc/group; head -c 3 /z | wc -c; test -S /s && echo socket; echo x > /new/f"
        said = sh(engine, *options, script=script).splitlines()
    assert said == ["hi", "hi", "3", "socket", "sh: can't create /new/f: Read-only file system"]


@pytest.mark.min_api("1.44")
@pytest.mark.min_cli("1.44")
def test_read_only_binds_are_recursive(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    bind = f"--mount=type=bind,source={tmp_path},target=/b"
    write = "echo x > /b/in/x && echo written"
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", tmp_path / "in"], check=True)
    try:
        assert "Read-only" in sh(engine, f"{bind},readonly", script=write)
        assert "Read-only" in sh(engine, "-v", f"{tmp_path}:/b:ro", script=write)
        assert sh(engine, f"{bind},readonly,bind-recursive=writable", script=write) == "written\n"
        assert sh(engine, f"{bind},bind-recursive=disabled", script="ls /b /b/in").split() == ["/b:", "in", "/b/in:"]
    finally:
        subprocess.run(["umount", tmp_path / "in"], check=True)


def test_what_the_source_forbids_stays_forbidden(engine: RunningEngine, tmp_path: Path) -> None:
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", mounted], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro,nosuid,nodev,noexec", mounted], check=True)
    script = "grep ' /b' /proc/mounts; echo x > /b/made"
    try:
        done = sh(engine, "-v", f"{mounted}:/b", script=script)
        below = sh(engine, "-v", f"{tmp_path}:/b", script="grep ' /b/mounted' /proc/mounts")
    finally:
        subprocess.run(["umount", mounted], check=True)
    assert done == (
        "tmpfs /b tmpfs ro,nosuid,nodev,noexec,relatime 0 0\nsh: can't create /b/made: Read-only file system\n"
    )
    assert "ro,nosuid,nodev,noexec,relatime" in below


def test_an_inherited_volume_is_not_filled(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "giver", "-v", "given:/etc:nocopy", "busybox", "true")
    assert sh(engine, "--volumes-from", "giver", script="/bin/busybox ls -A /etc") == "hostname\nhosts\nresolv.conf\n"
    data = Path(f"{engine.data_root}/volumes/given/_data")
    assert sorted(entry.name for entry in data.iterdir()) == ["hostname", "hosts", "resolv.conf"]
