"""`--userns-remap`: root in a container is nobody in particular on the host."""

import io
import json
import secrets
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine, import_busybox, started_engine

USER = "nobody:nogroup"
FIRST = 1_000_000 + 65536 * secrets.randbelow(1000)
LINES = {Path("/etc/subuid"): f"nobody:{FIRST}:65536\n", Path("/etc/subgid"): f"nobody:{FIRST + 7}:65536\n"}


@pytest.fixture(scope="module")
def ids() -> Iterator[None]:
    """The user has subordinate IDs while these tests run."""
    for file, line in LINES.items():
        file.write_text(line + (file.read_text() if file.exists() else ""))
    yield
    for file, line in LINES.items():
        file.write_text(file.read_text().replace(line, ""))


@pytest.fixture(scope="module")
def remapped(
    ids: None, pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningEngine]:
    root = tmp_path_factory.mktemp("remapped")
    for parent in (root, *root.parents):
        parent.chmod(parent.stat().st_mode | 0o001)
    with started_engine(pytestconfig, root, "--userns-remap", USER) as engine:
        import_busybox(engine)
        yield engine


def run(engine: RunningEngine, *args: str) -> str:
    done = engine.docker("run", "--rm", *args)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def piped(engine: RunningEngine, *args: str, given: bytes = b"") -> bytes:
    command = ["docker", "-H", engine.host, *args]
    return subprocess.run(command, input=given, check=True, capture_output=True, timeout=30).stdout


def volume(engine: RunningEngine, *args: str, given: bytes = b"") -> bytes:
    command = [sys.executable, "-c", "from seaway.cli.main import main; raise SystemExit(main())", "volume"]
    line = [*command, "-H", engine.host, *args]
    return subprocess.run(line, input=given, check=True, capture_output=True, timeout=30).stdout


def tar_of_a_file(uid: int, gid: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        member = tarfile.TarInfo("given")
        member.uid, member.gid, member.size = uid, gid, 2
        archive.addfile(member, io.BytesIO(b"hi"))
    return buffer.getvalue()


def owners(tar: bytes) -> set[tuple[int, int]]:
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {(member.uid, member.gid) for member in archive}


def host_root(engine: RunningEngine) -> tuple[int, int]:
    uid, gid = Path(engine.docker("info", "-f", "{{.DockerRootDir}}").stdout.strip()).name.split(".")
    return int(uid), int(gid)


def test_the_engine_says_so(remapped: RunningEngine) -> None:
    assert "name=userns" in remapped.docker("info", "-f", "{{.SecurityOptions}}").stdout
    root = Path(remapped.docker("info", "-f", "{{.DockerRootDir}}").stdout.strip())
    assert root == remapped.data_root / f"{FIRST}.{FIRST + 7}"
    assert (root.stat().st_mode & 0o777, root.stat().st_gid) == (0o710, FIRST + 7)


def test_root_inside_is_another_outside(remapped: RunningEngine, tmp_path: Path) -> None:
    inside = run(
        remapped, "busybox", "sh", "-c", "id -u; cat /proc/self/uid_map /proc/self/gid_map; ls -ldn / /etc/hosts"
    )
    uid, *maps, base, hosts = inside.splitlines()
    assert uid == "0"
    assert [line.split() for line in maps] == [["0", str(FIRST), "65536"], ["0", str(FIRST + 7), "65536"]]
    assert base.split()[2:4] == hosts.split()[2:4] == ["0", "0"]
    source = tmp_path / "made" / "for-it"
    for parent in (tmp_path, *tmp_path.parents):
        parent.chmod(parent.stat().st_mode | 0o001)
    run(remapped, "-v", f"{source}:/d", "busybox", "sh", "-c", "echo x > /d/file; chown 33:34 /d/file")
    assert (source.stat().st_uid, source.stat().st_gid) == host_root(remapped)
    made = source / "file"
    assert (made.stat().st_uid, made.stat().st_gid) == (FIRST + 33, FIRST + 7 + 34)


def test_the_network_is_the_containers_own(remapped: RunningEngine) -> None:
    script = "ip route | grep -c default; cat /proc/sys/net/ipv4/ip_forward; touch /etc/hosts && echo writable"
    said = run(remapped, "--sysctl", "net.ipv4.ip_forward=1", "busybox", "sh", "-c", script)
    assert said.split() == ["1", "1", "writable"]
    remapped.docker("run", "-d", "--name", "peer", "busybox", "sleep", "60")
    joined = run(remapped, "--network", "container:peer", "busybox", "hostname")
    assert joined == remapped.docker("inspect", "-f", "{{.Config.Hostname}}", "peer").stdout.strip()
    assert run(remapped, "--network", "none", "busybox", "ls", "/sys/class/net") == "lo"


def test_exec_stop_and_restart(remapped: RunningEngine) -> None:
    remapped.docker("run", "-d", "--name", "box", "-w", "/made/here", "busybox", "sleep", "600")
    assert remapped.docker("exec", "box", "sh", "-c", "id -u; stat -c %u .").stdout.split() == ["0", "0"]
    assert remapped.docker("exec", "-u", "33", "box", "id", "-u").stdout == "33\n"
    assert remapped.docker("restart", "-t", "0", "box").returncode == 0
    pid = remapped.docker("inspect", "-f", "{{.State.Pid}}", "box").stdout.strip()
    assert Path(f"/proc/{pid}").stat().st_uid == FIRST


def test_owners_go_out_and_come_back_as_the_container_has_them(remapped: RunningEngine) -> None:
    remapped.docker("create", "--name", "cp", "busybox", "ls", "-ln", "/given", "/bin/busybox")
    piped(remapped, "cp", "-a", "-", "cp:/", given=tar_of_a_file(1000, 1001))
    listed = remapped.docker("start", "-a", "cp").stdout.splitlines()
    assert sorted(tuple(line.split()[2:4]) for line in listed) == [("0", "0"), ("1000", "1001")]
    if remapped.is_seaway:  # dockerd tells the host's owners here, and the container's everywhere else
        assert owners(piped(remapped, "cp", "cp:/given", "-")) == {(1000, 1001)}
    assert remapped.docker("commit", "cp", "committed").returncode == 0
    assert run(remapped, "committed", "stat", "-c", "%u:%g", "/given") == "1000:1001"
    assert owners(piped(remapped, "export", "cp")) == {(0, 0), (1000, 1001)}


def test_volumes_belong_to_the_containers_root(remapped: RunningEngine) -> None:
    run(remapped, "-v", "data:/data", "busybox", "touch", "/data/file")
    assert run(remapped, "-v", "data:/data", "busybox", "stat", "-c", "%u", "/data", "/data/file").split() == ["0", "0"]
    shm = run(remapped, "--ipc", "shareable", "busybox", "sh", "-c", "touch /dev/shm/x; stat -c %u /dev/shm /dev/shm/x")
    assert shm.split() == ["0", "0"]


def test_a_volumes_tar_has_the_owners_of_the_container(remapped: RunningEngine) -> None:
    if not remapped.is_seaway:
        pytest.skip("dockerd has no such routes")
    run(remapped, "-v", "out:/data", "busybox", "sh", "-c", "touch /data/given; busybox chown 1000:1001 /data/given")
    data = volume(remapped, "export", "out")
    assert owners(data) == {(0, 0), (1000, 1001)}
    remapped.docker("volume", "create", "in")
    volume(remapped, "import", "in", given=data)
    volume(remapped, "clone", "in", "twin")
    for name in ("in", "twin"):
        listed = run(remapped, "-v", f"{name}:/data", "busybox", "stat", "-c", "%u:%g", "/data/given", "/data")
        assert listed.split() == ["1000:1001", "0:0"]


def test_an_id_without_a_place_is_refused(remapped: RunningEngine, tmp_path: Path) -> None:
    (tmp_path / "layer.tar").write_bytes(tar_of_a_file(70000, 0))
    refused = remapped.docker("import", str(tmp_path / "layer.tar"), "far")
    assert refused.returncode == 1
    assert "70000 cannot be mapped to a host ID" in refused.stderr


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ["--privileged"],
            "privileged mode is incompatible with user namespaces.  You must run the container in the host namespace "
            "when running privileged mode",
        ),
        (["--network", "host"], "cannot share the host's network namespace when user namespaces are enabled"),
        (["--pid", "host"], "cannot share the host PID namespace when user namespaces are enabled"),
    ],
)
def test_what_cannot_go_together(remapped: RunningEngine, flags: list[str], text: str) -> None:
    refused = remapped.docker("create", *flags, "busybox", "true")
    assert text in refused.stderr
    name = remapped.docker("create", "--userns", "host", *flags, "busybox", "true").stdout.strip()
    assert json.loads(remapped.docker("inspect", name).stdout)[0]["HostConfig"]["UsernsMode"] == "host"


def test_a_container_may_opt_out(remapped: RunningEngine) -> None:
    said = run(remapped, "--userns", "host", "busybox", "sh", "-c", "cat /proc/self/uid_map; stat -c %u /bin/busybox")
    assert said.split() == ["0", "0", "4294967295", str(FIRST)]
    if remapped.is_seaway:  # dockerd asks for capabilities that this host may not have
        assert run(remapped, "--userns", "host", "--privileged", "busybox", "id", "-u") == "0"


def test_who_has_no_ids(ids: None, engine: RunningEngine) -> None:
    said = engine.refusal("--userns-remap", "daemon")
    assert "Can't create ID mappings: " in said
    assert "ranges found for user" in said
    assert "Error during uid lookup" in engine.refusal("--userns-remap", "no-such-user")
