"""conmon owns a process while the engine is away. This is how one is started and what it answers.

conmon reads one byte from the start pipe, lets the runtime create the process, and writes `{"data": pid}` to the
sync pipe, or `{"data": -1, "message": …}`.
"""

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seaway.base.errors import SystemFailure
from seaway.base.phases import phase
from seaway.kernel import process, proctable
from seaway.runtime.bundle import RunDirectory


class Answer(msgspec.Struct, frozen=True):
    data: int = -1
    message: str = ""


@dataclass(frozen=True, slots=True)
class Launch:
    """What one conmon is for."""

    container_id: str
    directory: RunDirectory
    runtime_path: str
    runtime_args: tuple[str, ...]
    log_path: Path | None
    terminal: bool
    stdin: bool
    leave_stdin_open: bool = False
    checkpoint: Path | None = None


def conmon_argv(conmon: str, launch: Launch) -> list[str]:
    where = launch.directory
    argv = [conmon, "--api-version", "1", "-c", launch.container_id, "-u", launch.container_id]
    argv += ["-n", launch.container_id, "-r", launch.runtime_path, "-b", str(where.path)]
    argv += ["-p", str(where.pid_file), "-P", str(where.conmon_pid_file), "--exit-dir", str(where.exit_dir)]
    argv += ["--full-attach", "--no-sync-log", "--log-level", "error"]
    argv += ["-l", f"k8s-file:{launch.log_path}" if launch.log_path else "none"]
    flags = {
        "-t": launch.terminal,
        "-i": launch.stdin,
        "--leave-stdin-open": launch.leave_stdin_open,
    }
    argv += [flag for flag, wanted in flags.items() if wanted]
    if launch.checkpoint:
        argv += ["--restore", str(launch.checkpoint)]
    runtime_args = ["--log", str(where.runtime_log), "--log-format", "json", *launch.runtime_args]
    for argument in runtime_args:
        argv += [f"--runtime-arg={argument}"]
    return argv


def conmon_env(pipes: dict[str, int]) -> dict[str, str]:
    """TZ: conmon stamps its log lines with local time."""
    path = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    return {"PATH": path, "TZ": "UTC0", **{name: str(fd) for name, fd in pipes.items()}}


class Begun:
    """A conmon that calls its container's runtime."""

    def __init__(self, directory: RunDirectory, held: ExitStack, answer: int) -> None:
        self._directory, self._held, self._answer = directory, held, answer

    async def answered(self, given_up: "asyncio.Future[None]") -> Answer:
        with self._held:
            with phase("runtime"):
                line = await _read_line(self._answer, given_up)
            if given_up.done():
                _end(self._directory)
                return Answer(-1, "the start was given up")
            return parse_answer(line)


async def begin(conmon: str, launch: Launch) -> Begun:
    with ExitStack() as stack:
        sync_read, sync_write = _pipe(stack)
        start_read, start_write = _pipe(stack)
        pipes = {"_OCI_SYNCPIPE": sync_write.fd, "_OCI_STARTPIPE": start_read.fd}
        os.write(start_write.fd, b"\0")  # a pipe keeps it: no round trip
        with phase("conmon"):
            await _spawn(conmon_argv(conmon, launch), pipes, launch.directory.path)
        for ours in (sync_write, start_read):
            ours.close()
        return Begun(launch.directory, stack.pop_all(), sync_read.fd)


def _end(directory: RunDirectory) -> None:
    """conmon, and first the runtime that it waits for. Stopped, conmon starts none meanwhile."""
    if pid := directory.conmon_pid():
        proctable.kill(pid, signal.SIGSTOP)
        for child in proctable.descendants(pid):
            proctable.kill(child)
        proctable.kill(pid)


async def _spawn(argv: Sequence[str], pipes: dict[str, int], cwd: Path) -> None:
    """conmon leaves a child of its own and returns."""
    try:
        child = process.start(argv, env=conmon_env(pipes), pass_fds=list(pipes.values()), cwd=cwd)
    except FileNotFoundError as missing:
        raise SystemFailure(f"failed to create task for container: {argv[0]} was not found: unknown") from missing
    except OSError as refused:
        reason = (refused.strerror or "").lower()
        raise SystemFailure(f"failed to create task for container: fork/exec {argv[0]}: {reason}: unknown") from refused
    if code := await child.wait():
        raise SystemFailure(f"failed to create task for container: {argv[0]} ended with {code}: unknown")


def parse_answer(line: bytes) -> Answer:
    try:
        return msgspec.json.decode(line, type=Answer)
    except msgspec.DecodeError:
        return Answer(-1, "the runtime ended without a word")


class _End:
    """One end of a pipe, closed once."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


def _pipe(stack: ExitStack) -> Sequence[_End]:
    ends = [_End(fd) for fd in os.pipe2(os.O_CLOEXEC)]
    for end in ends:
        stack.callback(end.close)
    return ends


async def _read_line(fd: int, given_up: "asyncio.Future[None]") -> bytes:
    """Empty where nothing comes any more, or nobody waits for it."""
    os.set_blocking(fd, False)
    loop = asyncio.get_running_loop()
    line: asyncio.Future[bytes] = loop.create_future()
    pieces = bytearray()

    def readable() -> None:
        try:
            piece = os.read(fd, 65536)
        except BlockingIOError:
            return
        pieces.extend(piece)
        if not line.done() and (not piece or b"\n" in piece):
            line.set_result(bytes(pieces).partition(b"\n")[0])

    def leave(_done: object) -> None:
        if not line.done():
            line.set_result(b"")

    loop.add_reader(fd, readable)
    given_up.add_done_callback(leave)
    try:
        return await line
    finally:
        loop.remove_reader(fd)
