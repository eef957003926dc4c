"""`docker cp` while the container changes its filesystem, and copies that their client ends halfway."""

import http.client
import io
import json
import os
import socket
import subprocess
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from conformance.conftest import RunningEngine
from conformance.volumes import none_left
from seaway.kernel.syscalls import libc

ROUNDS = 700
AT_FDCWD, EXCHANGE = -100, 2
PATIENCE_S = 20


@pytest.fixture(autouse=True)
def _no_volumes_left(engine: RunningEngine) -> Iterator[None]:
    with none_left(engine):
        yield


class Raw(http.client.HTTPConnection):
    """One connection to the engine's socket for all of a test's requests."""

    def __init__(self, engine: RunningEngine) -> None:
        super().__init__("engine", timeout=PATIENCE_S)
        self._path = engine.host.removeprefix("unix://")

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        self.request(method, path, body, {"Content-Type": "application/x-tar"} if body else {})
        answer = self.getresponse()
        try:
            return answer.status, answer.read()
        except http.client.IncompleteRead as cut:  # what was read changed between the header and the contents
            answer.close()
            self.close()
            return answer.status, cut.partial


def tar_of(name: str, content: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as made:
        info = tarfile.TarInfo(name)
        info.size = len(content)
        made.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@contextmanager
def swapping(first: Path, second: Path) -> Iterator[list[int]]:
    """The two names change places all the time; the list has one number, how often so far."""
    stop, swaps = threading.Event(), [0]
    names = (os.fsencode(first), os.fsencode(second))

    def swap() -> None:
        while not stop.is_set():
            if libc.renameat2(AT_FDCWD, names[0], AT_FDCWD, names[1], EXCHANGE) == 0:
                swaps[0] += 1

    swapper = threading.Thread(target=swap)
    swapper.start()
    try:
        yield swaps
    finally:
        stop.set()
        swapper.join()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it does not happen"
        time.sleep(0.01)


def root_of(engine: RunningEngine, name: str) -> Path:
    """A running container's root, as its own processes see it."""
    return Path(f"/proc/{engine.docker('inspect', '-f', '{{.State.Pid}}', name).stdout.strip()}/root")


@pytest.mark.seaway_only("dockerd 20.10 tells of the host's files")
@pytest.mark.parametrize("climb", ["", "../../../../../../../.."])
def test_swapped_links_lead_nowhere_on_the_host(engine: RunningEngine, tmp_path: Path, climb: str) -> None:
    """A directory on the way, which also has a mount below, is a link to the host's files every other moment."""
    outside = tmp_path / "outside"
    (outside / "m").mkdir(parents=True)
    (outside / "secret").write_text("of the host")
    engine.docker("run", "-d", "--name", "racer", "-v", "raced:/tmp/spot/m", "busybox", "sleep", "1000")
    box = root_of(engine, "racer") / "tmp"
    os.symlink(f"{climb}{outside}", box / "evil")
    planted, data = 0, tar_of("planted", b"x")
    with closing(Raw(engine)) as connection, swapping(box / "spot", box / "evil") as swaps:
        for n in range(ROUNDS):
            below = "/m" if n % 3 == 0 else ""
            status, _ = connection.ask("PUT", f"/containers/racer/archive?path=/tmp/spot{below}", data)
            planted += status == 200
            _, found = connection.ask("GET", f"/containers/racer/archive?path=/tmp/spot{below}/.")
            assert b"of the host" not in found
            assert connection.ask("HEAD", "/containers/racer/archive?path=/tmp/spot/secret")[0] != 200
    assert swaps[0] > ROUNDS
    assert planted
    assert sorted(str(p.relative_to(outside)) for p in outside.rglob("*")) == ["m", "secret"]


@pytest.mark.seaway_only("dockerd leaves the half that came")
def test_a_copy_in_that_ends_halfway_leaves_nothing(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "half", "busybox", "sleep", "1000")
    arriving = root_of(engine, "half") / "tmp/big"
    data = tar_of("big", os.urandom(8 << 20))
    command = ["docker", "-H", engine.host, "cp", "-", "half:/tmp"]
    client = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert client.stdin
    client.stdin.write(data[: 6 << 20])
    client.stdin.flush()
    wait_until(lambda: arriving.exists() and arriving.stat().st_size > 1 << 20)
    client.kill()
    client.communicate()
    wait_until(lambda: not arriving.exists())
    assert engine.docker("rm", "-f", "half").returncode == 0


@pytest.mark.seaway_only("dockerd 20.10 answers no inspect meanwhile")
def test_a_copy_out_that_ends_halfway_lets_go(engine: RunningEngine) -> None:
    script = "/bin/busybox dd if=/dev/zero of=/vol/big bs=1M count=64 2>/dev/null"
    engine.docker("run", "--name", "out", "-v", "outv:/vol", "busybox", "sh", "-c", script)
    connection = Raw(engine)
    connection.request("GET", "/containers/out/archive?path=/vol/big")
    answer = connection.getresponse()
    assert json.loads(engine.docker("inspect", "-f", "{{json .State.Running}}", "out").stdout) is False
    assert len(answer.read(1 << 20)) == 1 << 20
    connection.close()
    answer.close()
    merged = engine.docker("inspect", "-f", "{{.GraphDriver.Data.MergedDir}}", "out").stdout.strip()
    wait_until(lambda: merged not in Path("/proc/mounts").read_text())
    assert engine.docker("rm", "-v", "out").returncode == 0
    assert engine.docker("volume", "rm", "outv").returncode == 0
