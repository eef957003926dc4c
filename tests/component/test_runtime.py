"""Real processes through conmon and crun, in a root filesystem of busybox alone."""

import asyncio
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from seaway.base.errors import Conflict, SystemFailure
from seaway.base.supervisor import Supervisor
from seaway.kernel.cgroup import ensure_crun_can_start
from seaway.kernel.process import find_program
from seaway.runtime.attach import AttachChannel
from seaway.runtime.bundle import RunDirectory
from seaway.runtime.channel import Channel, Output
from seaway.runtime.crun import Runtime
from seaway.runtime.errors import RuntimeCommandFailed, StartRefused
from seaway.runtime.exits import ExitWatcher
from seaway.runtime.requests import ExecRequest, RunRequest

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not all(find_program(p) for p in ("conmon", "crun", "busybox")),
    reason="needs root, conmon, crun and busybox",
)


@pytest.fixture(scope="module", autouse=True)
def cgroups() -> Iterator[None]:
    undo = ensure_crun_can_start()
    yield
    undo()


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("rootfs")
    for name in ("bin", "proc", "dev", "etc", "tmp"):
        (root / name).mkdir()
    shutil.copy(find_program("busybox") or "", root / "bin/busybox")
    for applet in ("sh", "cat", "sleep", "echo", "stty"):
        (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/plain").write_text("no program")
    return root


class Box:
    """One container and what its tests need of it."""

    def __init__(self, runtime: Runtime, rootfs: Path, base: Path) -> None:
        self.runtime, self.rootfs, self.base = runtime, rootfs, base
        self.id = secrets.token_hex(32)
        self.run_dir = base / "run"
        self.log = base / "log"

    def spec(self, *args: str, terminal: bool = False) -> dict[str, Any]:
        return {
            "ociVersion": "1.0.2",
            "process": process(*args, terminal=terminal),
            "root": {"path": str(self.rootfs)},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
                {"destination": "/dev/pts", "type": "devpts", "source": "devpts"},
            ],
            "linux": {
                "cgroupsPath": f"/seaway-test/{self.id}",
                "namespaces": [{"type": t} for t in ("pid", "mount", "ipc", "uts")],
            },
        }

    async def create(self, *args: str, terminal: bool = False, **options: Any) -> int:
        spec = self.spec(*args, terminal=terminal)
        request = RunRequest(self.id, self.run_dir, spec, self.log, terminal=terminal, **options)
        return await self.runtime.create(request)

    async def output(self, channel: Channel) -> list[Output]:
        pieces = []
        while piece := await channel.recv():
            pieces.append(piece)
        return pieces


def process(*args: str, terminal: bool = False) -> dict[str, Any]:
    return {
        "terminal": terminal,
        "user": {"uid": 0, "gid": 0},
        "args": list(args),
        "env": ["PATH=/bin"],
        "cwd": "/",
    }


@pytest.fixture
async def box(rootfs: Path, tmp_path: Path) -> AsyncIterator[Box]:
    supervisor = Supervisor()
    exits = ExitWatcher(supervisor)
    exits.start()
    box = Box(Runtime(tmp_path / "state", exits), rootfs, tmp_path)
    yield box
    box.runtime.execs.close()
    await box.runtime.delete(box.id, force=True)
    await exits.close()
    await supervisor.close()


async def test_output_code_and_log(box: Box) -> None:
    await box.create("sh", "-c", "echo out; echo err >&2; exit 7")
    channel = await AttachChannel.connect(box.run_dir)
    ended = box.runtime.wait(box.id)
    await box.runtime.start(box.id)
    pieces = await box.output(channel)
    channel.close()
    assert sorted(pieces) == [(1, b"out\n"), (2, b"err\n")]
    assert (await ended).code == 7
    lines = box.log.read_text().splitlines()
    assert sorted(line.split(" ", 1)[1] for line in lines) == ["stderr F err", "stdout F out"]
    assert all("+00:00 " in line for line in lines)


async def test_stdin_is_read_to_its_end(box: Box) -> None:
    await box.create("cat", stdin=True)
    channel = await AttachChannel.connect(box.run_dir)
    ended = box.runtime.wait(box.id)
    await box.runtime.start(box.id)
    data = os.urandom(30_000)
    await channel.send(data)
    channel.close_stdin()
    assert b"".join(p.data for p in await box.output(channel)) == data
    channel.close()
    assert (await ended).code == 0


async def test_a_terminal_has_the_size_it_is_given(box: Box) -> None:
    await box.create("sh", "-c", "read x; stty size", terminal=True, stdin=True)
    channel = await AttachChannel.connect(box.run_dir)
    ended = box.runtime.wait(box.id)
    await box.runtime.start(box.id)
    box.runtime.resize(box.run_dir, 33, 101)
    await asyncio.sleep(0.2)  # conmon tells nobody when it has resized
    await channel.send(b"\n")
    pieces = await box.output(channel)
    channel.close()
    assert b"33 101" in b"".join(p.data for p in pieces)
    await ended
    with pytest.raises(Conflict):
        box.runtime.resize(box.run_dir / "gone", 1, 1)


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        ("nosuch", 127, 'exec: "nosuch": executable file not found in $PATH: unknown'),
        ("/nosuch", 127, 'exec: "/nosuch": stat /nosuch: no such file or directory: unknown'),
        ("/etc/plain", 126, 'exec: "/etc/plain": permission denied: unknown'),
        ("/etc", 126, 'exec: "/etc": is a directory: permission denied: unknown'),
    ],
)
async def test_a_command_that_cannot_run(box: Box, command: str, code: int, text: str) -> None:
    with pytest.raises(StartRefused) as refused:
        await box.create(command)
    assert refused.value.exit_code == code
    assert refused.value.message.startswith("failed to create task for container: ")
    assert refused.value.message.endswith(text)


async def test_exec_beside_a_running_container(box: Box, tmp_path: Path) -> None:
    await box.create("sleep", "60")
    await box.runtime.start(box.id)
    request = ExecRequest(box.id, "e" * 64, tmp_path / "exec", stdin=True)
    running, ended = await box.runtime.execs.start(request, process("sh", "-c", "cat; echo err >&2; exit 3"))
    assert running.pid > 0
    await running.channel.send(b"hi\n")
    running.channel.close_stdin()
    assert await box.output(running.channel) == [(1, b"hi\n"), (2, b"err\n")]
    running.channel.close()
    assert (await ended).code == 3
    assert not box.runtime.wait(box.id).done()
    with pytest.raises(StartRefused) as refused:
        await box.runtime.execs.start(ExecRequest(box.id, "f" * 64, tmp_path / "e2"), process("nosuch"))
    assert refused.value.exit_code == 127
    assert 'exec: "nosuch": executable file not found in $PATH: unknown' in refused.value.message


async def test_an_exec_with_a_terminal_of_a_size(box: Box, tmp_path: Path) -> None:
    await box.create("sleep", "60")
    await box.runtime.start(box.id)
    request = ExecRequest(box.id, "e" * 64, tmp_path / "exec", terminal=True, stdin=True, console_size=(33, 99))
    running, ended = await box.runtime.execs.start(
        request, process("sh", "-c", "read x; stty size; read x; stty size", terminal=True)
    )
    await running.channel.send(b"\n")
    assert await said(running.channel, b"33 99")
    box.runtime.execs.resize(request.exec_id, 44, 100)
    await running.channel.send(b"\n")
    assert await said(running.channel, b"44 100")
    running.channel.close()
    assert (await ended).code == 0
    with pytest.raises(Conflict):
        box.runtime.execs.resize(request.exec_id, 1, 1)


async def said(channel: Channel, wanted: bytes) -> bool:
    heard = b""
    while wanted not in heard and (piece := await channel.recv()):
        heard += piece.data
    return wanted in heard


async def test_pause_update_resume_kill(box: Box) -> None:
    await box.create("sleep", "60")
    await box.runtime.start(box.id)
    ended = box.runtime.wait(box.id)
    await box.runtime.pause(box.id)
    await box.runtime.resume(box.id)
    await box.runtime.update(box.id, {"memory": {"limit": 64 << 20}})
    await box.runtime.kill(box.id, 9)
    assert (await ended).code == 137


async def test_an_exit_while_nobody_watched_is_found_on_adoption(box: Box) -> None:
    await box.create("sh", "-c", "exit 5")
    first = box.runtime.wait(box.id)
    await box.runtime.start(box.id)
    await first
    assert (await box.runtime.adopt(box.run_dir, box.id)).code == 5


async def test_a_killed_conmon_is_noticed(box: Box) -> None:
    await box.create("sleep", "60")
    ended = box.runtime.wait(box.id)
    await box.runtime.start(box.id)
    os.kill(int((box.run_dir / "conmon.pid").read_text()), 9)
    end = await ended
    assert end.code == 137
    assert end.error


async def test_the_log_goes_on_in_a_new_file(box: Box) -> None:
    await box.create("sh", "-c", "echo one; read x; echo two", stdin=True)
    channel = await AttachChannel.connect(box.run_dir)
    ended = box.runtime.wait(box.id)
    await box.runtime.start(box.id)
    assert await channel.recv() == (1, b"one\n")
    box.log.rename(box.base / "log.1")
    box.runtime.reopen_log(box.run_dir)
    while not box.log.exists():
        await asyncio.sleep(0.01)
    await channel.send(b"\n")
    await box.output(channel)
    channel.close()
    await ended
    assert box.log.read_text().endswith("stdout F two\n")
    assert "two" not in (box.base / "log.1").read_text()


async def test_a_missing_conmon_is_said_at_once(box: Box) -> None:
    supervisor = Supervisor()
    exits = ExitWatcher(supervisor)
    runtime = Runtime(box.base / "state", exits, conmon_path="/nosuch/conmon")
    with pytest.raises(SystemFailure, match="/nosuch/conmon was not found"):
        await runtime.create(RunRequest(box.id, box.run_dir, box.spec("sh")))
    await exits.close()


async def test_the_watcher_ends_before_the_runs(box: Box) -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    exits = ExitWatcher(Supervisor())
    where = RunDirectory(box.run_dir)
    where.make()
    result = exits.expect(where, box.id)
    await exits.close()
    with pytest.raises(asyncio.CancelledError):
        await result
    await asyncio.sleep(0)  # its callbacks run
    assert told == []


async def test_what_is_gone_is_deleted_without_a_word(box: Box) -> None:
    await box.runtime.delete("nosuch", force=False)
    with pytest.raises(RuntimeCommandFailed):
        await box.runtime.kill("nosuch", 9)
