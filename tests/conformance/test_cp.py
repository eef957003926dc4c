"""`docker cp`, through the real CLI and docker-py, on running and stopped containers."""

import io
import json
import os
import subprocess
import tarfile
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.errors import APIError

from conformance.conftest import RunningEngine
from conformance.volumes import none_left


@pytest.fixture(autouse=True)
def _no_volumes_left(engine: RunningEngine) -> Iterator[None]:
    with none_left(engine):
        yield


@pytest.fixture(params=["stopped", "running"])
def box(engine: RunningEngine, request: pytest.FixtureRequest) -> str:
    create = ["run", "-d"] if request.param == "running" else ["create"]
    engine.docker(*create, "--name", "box", "-v", "cpvol:/vol", "busybox", "sleep", "1000")
    return "box"


def raw(engine: RunningEngine, *args: str, data: bytes = b"") -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        ["docker", "-H", engine.host, *args], input=data, capture_output=True, timeout=60, check=False
    )


def members(data: bytes) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), errors="surrogateescape") as archive:
        return {info.name: info for info in archive.getmembers()}


def archive(*infos: tarfile.TarInfo, content: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as made:
        for info in infos:
            info.size = len(content) if info.isreg() else 0
            made.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def test_there_and_back(engine: RunningEngine, box: str, tmp_path: Path) -> None:
    source = tmp_path / "tree"
    (source / "sub").mkdir(parents=True)
    (source / "sub/file").write_bytes(os.urandom(100_000))
    (source / "empty").touch()
    os.symlink("sub/file", source / "link")
    os.link(source / "sub/file", source / "sub/hard")
    os.chown(source / "empty", 7, 8)
    os.chmod(source / "empty", 0o4711)
    assert engine.docker("cp", str(source), f"{box}:/tmp").returncode == 0
    assert engine.docker("cp", f"{box}:/tmp/tree", str(tmp_path / "back")).returncode == 0
    diff = subprocess.run(
        ["diff", "-r", "--no-dereference", source, tmp_path / "back"], capture_output=True, check=False
    )
    assert diff.stdout == b""
    found = members(raw(engine, "cp", f"{box}:/tmp/tree", "-").stdout)
    assert (found["tree/empty"].uid, found["tree/empty"].gid, found["tree/empty"].mode & 0o7777) == (7, 8, 0o4711)
    assert found["tree/sub/hard"].linkname == "tree/sub/file"
    assert found["tree/link"].linkname == "sub/file"


@pytest.mark.parametrize(
    ("path", "first"),
    [
        ("/etc", ["etc", "etc/group"]),
        ("/etc/", ["etc", "etc/group"]),
        ("/etc/.", [".", "./group"]),
        ("/bin/sh", ["sh"]),
    ],
)
def test_names_in_the_archive(engine: RunningEngine, path: str, first: list[str]) -> None:
    engine.docker("create", "--name", "names", "busybox", "true")
    assert list(members(raw(engine, "cp", f"names:{path}", "-").stdout))[: len(first)] == first


def test_links_are_followed_when_asked(engine: RunningEngine, box: str) -> None:
    assert members(raw(engine, "cp", f"{box}:/bin/sh", "-").stdout)["sh"].issym()
    assert members(raw(engine, "cp", "-L", f"{box}:/bin/sh", "-").stdout)["busybox"].isreg()


def test_volumes_and_binds(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "bound").mkdir()
    (tmp_path / "f").write_text("hi")
    engine.docker(
        "create",
        "--name",
        "vb",
        "-v",
        "cpv:/v",
        "-v",
        f"{tmp_path}/bound:/b",
        "-v",
        f"{tmp_path}:/ro:ro",
        "busybox",
        "true",
    )
    assert engine.docker("cp", f"{tmp_path}/f", "vb:/v/new").returncode == 0
    assert engine.docker("cp", f"{tmp_path}/f", "vb:/b").returncode == 0
    assert Path(f"{engine.data_root}/volumes/cpv/_data/new").read_text() == "hi"
    assert (tmp_path / "bound/f").read_text() == "hi"
    assert list(members(raw(engine, "cp", "vb:/ro/bound", "-").stdout)) == ["bound", "bound/f"]
    assert "mounted volume is marked read-only" in engine.docker("cp", f"{tmp_path}/f", "vb:/ro/x").stderr
    left = Path("/proc/mounts").read_text()
    assert f"{tmp_path}/bound" not in left


def test_a_read_only_root(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hi")
    engine.docker("create", "--name", "ro", "--read-only", "-v", "rov:/v", "busybox", "true")
    assert "container rootfs is marked read-only" in engine.docker("cp", f"{tmp_path}/f", "ro:/tmp/").stderr
    assert engine.docker("cp", f"{tmp_path}/f", "ro:/v/").returncode == 0


def test_stdin_and_every_kind_of_member(engine: RunningEngine, box: str) -> None:
    data = archive(
        member("\udcff\udcfe"),
        member("n" * 200),
        member("pipe", tarfile.FIFOTYPE),
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666),
        member("suid", mode=0o4755, uid=5, gid=6),
        member("link", tarfile.SYMTYPE, linkname="/etc/passwd"),
        content=b"abc",
    )
    assert raw(engine, "cp", "-", f"{box}:/vol", data=data).returncode == 0
    found = members(raw(engine, "cp", f"{box}:/vol/.", "-").stdout)
    assert set(found) == {".", "./\udcff\udcfe", "./" + "n" * 200, "./pipe", "./null", "./suid", "./link"}
    assert found["./pipe"].isfifo()
    assert (found["./null"].devmajor, found["./null"].devminor) == (1, 3)
    assert (found["./suid"].mode & 0o7777, found["./suid"].uid, found["./suid"].gid) == (0o4755, 5, 6)
    assert found["./link"].linkname == "/etc/passwd"


def test_a_name_that_is_not_utf_8(engine: RunningEngine, tmp_path: Path) -> None:
    """It is copied and found by its bytes; JSON has no words for them."""
    name = os.fsdecode(b"\xff+ %41\xe9")
    (tmp_path / "d" / name).mkdir(parents=True)
    (tmp_path / "d" / name / "f").write_text("hi")
    engine.docker("create", "--name", "bytes", "busybox", "true")
    assert raw(engine, "cp", f"{tmp_path}/d/{name}", "bytes:/").returncode == 0
    found = list(members(raw(engine, "cp", f"bytes:/{name}", "-").stdout))
    if engine.is_seaway:  # dockerd 20.10 has U+FFFD there too
        assert found == [name, f"{name}/f"]
    assert raw(engine, "cp", f"{tmp_path}/d/{name}/f", f"bytes:/{name}/g").returncode == 0
    assert set(members(raw(engine, "cp", f"bytes:/{name}/.", "-").stdout)) == {".", "./f", "./g"}
    shown = "/\ufffd+ %41\ufffd"
    assert raw(engine, "diff", "bytes").stdout.decode().split("\n")[:3] == [
        f"A {shown}",
        f"A {shown}/f",
        f"A {shown}/g",
    ]
    said = raw(engine, "cp", f"bytes:/{name}/none", "-").stderr.decode()
    assert f"Could not find the file {shown}/none in container bytes" in said


@pytest.mark.parametrize("form", ["gz", "bz2", "xz"])
def test_compressed_archives(engine: RunningEngine, client: DockerClient, form: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{form}") as made:
        made.addfile(member("f", size=3), io.BytesIO(b"abc"))
    container = client.containers.create("busybox", "true")
    assert container.put_archive("/tmp", buffer.getvalue())
    pieces, about = container.get_archive("/tmp/f")
    assert (about["name"], about["size"]) == ("f", 3)
    assert list(members(b"".join(pieces))) == ["f"]


def put(client: DockerClient, path: str, data: bytes, **query: str) -> str:
    container = client.containers.create("busybox", "true")
    url = client.api._url("/containers/{0}/archive", container.id)
    reply = client.api.put(
        url, params={"path": path, **query}, data=data, headers={"Content-Type": "application/x-tar"}
    )
    return "" if reply.status_code == 200 else reply.json()["message"]


@pytest.mark.parametrize(
    ("path", "data", "words"),
    [
        ("/etc/passwd", archive(member("a")), "extraction point is not a directory"),
        ("/nope", archive(member("a")), "Could not find the file /nope in container "),
        ("", archive(member("a")), "bad parameter: pathcannot be empty"),
        ("/tmp", b"garbage", "unexpected EOF"),
        ("/tmp", archive(member("../../x")), '"../../x" is outside of "/tmp"'),
        ("/tmp", archive(member("a/../../y")), '"../y" is outside of "/tmp"'),
        (
            "/tmp",
            archive(member("l", tarfile.SYMTYPE, linkname="../../../etc")),
            'invalid symlink "/tmp/l" -> "../../../etc"',
        ),
        ("/tmp", archive(member("h", tarfile.LNKTYPE, linkname="../etc/x")), 'invalid hardlink "/etc/x" -> "../etc/x"'),
    ],
)
def test_refusals(client: DockerClient, path: str, data: bytes, words: str) -> None:
    assert words in put(client, path, data)


def test_a_directory_and_a_file_do_not_replace_each_other(client: DockerClient) -> None:
    kind = {"noOverwriteDirNonDir": "true"}
    words = 'cannot overwrite non-directory "/etc/passwd" with directory "/etc"'
    assert words in put(client, "/etc", archive(member("passwd", tarfile.DIRTYPE)), **kind)
    assert 'cannot overwrite directory "/etc" with non-directory "/"' in put(
        client, "/", archive(member("etc")), **kind
    )
    assert put(client, "/etc", archive(member("passwd", tarfile.DIRTYPE))) == ""


@pytest.mark.seaway_only("the user is looked up in the container's own files, as dockerd does since 23.0")
def test_archive_mode_gives_files_to_the_container_s_user(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hi")
    engine.docker("create", "--name", "web", "-u", "web", "busybox", "true")
    engine.docker("cp", "-a", f"{tmp_path}/f", "web:/tmp/mine")
    engine.docker("cp", f"{tmp_path}/f", "web:/tmp/theirs")
    found = members(raw(engine, "cp", "web:/tmp/.", "-").stdout)
    assert (found["./mine"].uid, found["./mine"].gid) == (33, 34)
    assert (found["./theirs"].uid, found["./theirs"].gid) == (0, 0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/etc/", {"name": "etc", "mode": 1 << 31 | 0o755, "linkTarget": ""}),
        ("/etc/.", {"name": ".", "mode": 1 << 31 | 0o755, "linkTarget": ""}),
        ("/", {"name": "/", "mode": 1 << 31 | 0o755, "linkTarget": ""}),
        ("bin/sh", {"name": "sh", "size": 7, "mode": 1 << 27 | 0o777, "linkTarget": "/bin/busybox"}),
        ("/etc/group", {"name": "group", "size": 10, "mode": 0o644, "linkTarget": ""}),
    ],
)
def test_the_stat_header(client: DockerClient, path: str, expected: dict[str, object]) -> None:
    container = client.containers.create("busybox", "true")
    reply = client.api.head(client.api._url("/containers/{0}/archive", container.id), params={"path": path})
    about = json.loads(b64decode(reply.headers["X-Docker-Container-Path-Stat"]))
    assert set(about) == {"name", "size", "mode", "mtime", "linkTarget"}
    assert {key: about[key] for key in expected} == expected


def test_what_is_not_there(engine: RunningEngine, client: DockerClient) -> None:
    engine.docker("create", "--name", "none", "busybox", "true")
    said = engine.docker("cp", "none:/nope", "-").stderr
    # Before 23, the CLI has words of its own.
    assert "Could not find the file /nope in container none" in said or "No such container:path: none:/nope" in said
    said = engine.docker("cp", "nobody:/x", "-").stderr
    assert "No such container: nobody" in said or "No such container:path: nobody:/x" in said
    container = client.containers.get("none")
    with pytest.raises(APIError) as failed:
        container.get_archive("/etc/passwd/x")
    assert failed.value.status_code == 500
    assert "not a directory" in str(failed.value)


def test_events_of_a_copy(engine: RunningEngine, client: DockerClient, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hi")
    started = int(time.time())
    engine.docker("create", "--name", "told", "busybox", "true")
    engine.docker("cp", f"{tmp_path}/f", "told:/tmp")
    raw(engine, "cp", "told:/tmp/f", "-")
    events = client.events(since=started, until=int(time.time()) + 1, filters={"container": "told"}, decode=True)
    assert [event["Action"] for event in events] == ["create", "extract-to-dir", "archive-path"]


def test_a_link_of_the_container_leads_nowhere_on_the_host(engine: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("hi")
    engine.docker("run", "--name", "evil", "busybox", "busybox", "ln", "-s", f"{tmp_path}/out", "/tmp/out")
    (tmp_path / "out").mkdir()
    assert engine.docker("cp", f"{tmp_path}/f", "evil:/tmp/out/f").returncode != 0
    assert not list((tmp_path / "out").iterdir())


def test_holes_links_and_attributes_arrive(engine: RunningEngine, box: str, tmp_path: Path) -> None:
    """Through the CLI, which sends holes as zeros and no xattrs; a tar of one's own has them."""
    source = tmp_path / "tree"
    source.mkdir()
    (source / "holes").touch()
    os.truncate(source / "holes", 64 << 20)
    (source / "first").write_text("hi")
    os.link(source / "first", source / "second")
    assert engine.docker("cp", str(source), f"{box}:/vol").returncode == 0
    note = member("noted", pax_headers={"SCHILY.xattr.user.note": "kept"})
    assert raw(engine, "cp", "-", f"{box}:/vol/tree", data=archive(note, content=b"x")).returncode == 0
    made = Path(f"{engine.data_root}/volumes/cpvol/_data/tree")
    assert made.joinpath("holes").stat().st_size == 64 << 20
    assert made.joinpath("first").stat().st_nlink == 2
    if engine.is_seaway:  # dockerd writes the zeros, and drops the users' xattrs on the way out
        assert made.joinpath("holes").stat().st_blocks * 512 < 1 << 20
        assert os.getxattr(made / "noted", "user.note") == b"kept"
        found = members(raw(engine, "cp", f"{box}:/vol/tree/noted", "-").stdout)
        assert found["noted"].pax_headers["SCHILY.xattr.user.note"] == "kept"


@pytest.mark.seaway_only("dockerd unmounts before it answers")
def test_its_mount_is_kept_for_the_next_request_and_goes_with_the_container(engine: RunningEngine) -> None:
    engine.docker("create", "--name", "brief", "busybox", "true")
    merged = Path(engine.docker("inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", "brief").stdout.strip())
    assert not merged.exists()
    assert raw(engine, "cp", "brief:/bin", "-").returncode == 0
    assert merged.exists()
    assert engine.docker("rm", "brief").returncode == 0
    deadline = time.monotonic() + 30
    while merged.parent.exists():
        assert time.monotonic() < deadline, "the layer stays"
        time.sleep(0.05)
