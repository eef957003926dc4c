"""The engine's side of the exec monitor: starts it for the first exec, and again if somebody kills it."""

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.base.failpoints import failpoint
from seaway.kernel import process
from seaway.runtime.execs.connection import MonitorConnection, Packet
from seaway.runtime.execs.pipes import PipeChannel


@dataclass(frozen=True, slots=True)
class ExecOrder:
    """`argv` calls the runtime; the exit code is written to `run_dir`/exit/`exit_name`. `size` is (rows, columns)."""

    id: str
    argv: tuple[str, ...]
    run_dir: Path
    exit_name: str
    terminal: bool
    stdin: bool
    size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class RunningExec:
    pid: int
    monitor_pid: int
    channel: PipeChannel


class RuntimeRefused(SystemFailure):
    """The message is what the runtime said on its stderr, often nothing: it has a log of its own."""


class ExecMonitorClient:
    """`socket_path` is the monitor's; one that an earlier engine left there is taken over with its execs."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._connection = MonitorConnection(socket_path, self._hear, self._lost)
        self._connecting = asyncio.Lock()
        self._answers: dict[str, asyncio.Future[Packet]] = {}
        self._listing: list[Packet] = []
        self._listed: asyncio.Future[None] | None = None

    async def start(self, order: ExecOrder) -> RunningExec:
        """Raises RuntimeRefused, or SystemFailure where there can be no monitor."""
        await self._connect()
        answer: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        self._answers[order.id] = answer
        with ExitStack() as ours:
            try:
                ends = await self._ask_to_start(order, ours)
                failpoint("exec: ordered")
                heard = await answer
            except BaseException:
                self.end(order.id)
                raise
            finally:
                del self._answers[order.id]
            if "failed" in heard.about:
                raise RuntimeRefused(heard.about["failed"] or _complaint(*ends[1:2]))
            ours.pop_all()
        return self._running(heard.about, heard.fds if order.terminal else ends)

    async def adopt(self) -> Mapping[str, RunningExec]:
        """Those of an earlier engine that still run, by ID; what was only about to start is ended."""
        async with self._connecting:
            if not await self._connection.connect():
                return {}
        self._listed = asyncio.get_running_loop().create_future()
        self._connection.send({"do": "list"})
        await self._listed
        found = {}
        for one in self._listing:
            if one.about["pid"]:
                found[one.about["id"]] = self._running(one.about, one.fds)
            else:
                self.end(one.about["id"])
                one.close()
        self._listing.clear()
        return found

    def end(self, exec_id: str) -> None:
        self._connection.send({"do": "end", "id": exec_id})

    def close(self) -> None:
        """The monitor stays while it has an exec."""
        self._connection.close()

    async def _connect(self) -> None:
        async with self._connecting:
            if await self._connection.connect():
                return
            await process.run([sys.executable, "-P", "-m", "seaway.runtime.execs.monitor", str(self._path)])
            if not await self._connection.connect():
                raise SystemFailure("the exec monitor has ended at once")

    async def _ask_to_start(self, order: ExecOrder, ours: ExitStack) -> list[int]:
        """Our ends of the pipes: stdout, stderr and, if asked for, stdin; none for a terminal."""
        asked = {
            "do": "start",
            "id": order.id,
            "argv": order.argv,
            "run_dir": str(order.run_dir),
            "exit_name": order.exit_name,
            "terminal": order.terminal,
            "stdin": order.stdin,
            "size": order.size,
        }
        if order.terminal:
            await self._connection.send(asked)
            return []
        with ExitStack() as theirs:
            stdin, stdin_end = _pipe(theirs, ours) if order.stdin else (_null(theirs), None)
            stdout_end, stdout = _pipe(ours, theirs)
            stderr_end, stderr = _pipe(ours, theirs)
            ends = [stdout_end, stderr_end, *([] if stdin_end is None else [stdin_end])]
            await self._connection.send(asked, [stdin, stdout, stderr, *ends])
        return ends

    def _running(self, about: Mapping[str, Any], ends: Sequence[int]) -> RunningExec:
        piped = about["stdin"] and not about["terminal"]
        outputs, stdin = (ends[:-1], ends[-1]) if piped else (ends, None)

        def when_stdin_closes() -> None:
            self._connection.send({"do": "close_stdin", "id": about["id"]})

        channel = PipeChannel(outputs, stdin, when_stdin_closes)
        return RunningExec(about["pid"], self._connection.monitor_pid, channel)

    def _hear(self, packet: Packet) -> None:
        if "listed" in packet.about:
            if self._listed and not self._listed.done():
                self._listed.set_result(None)
        elif (answer := self._answers.get(packet.about["id"])) and not answer.done():
            answer.set_result(packet)
        elif self._listed and not self._listed.done():
            self._listing.append(packet)
        else:
            packet.close()

    def _lost(self) -> None:
        """Those who wait for an answer hear that there is none; the ends of running ones are told by its pidfd."""
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(SystemFailure("the exec monitor has gone"))
        if self._listed and not self._listed.done():
            self._listed.set_result(None)


def _pipe(reader_of: ExitStack, writer_of: ExitStack) -> tuple[int, int]:
    reader, writer = os.pipe2(os.O_CLOEXEC)
    reader_of.callback(os.close, reader)
    writer_of.callback(os.close, writer)
    return reader, writer


def _complaint(stderr: int | None = None) -> str:
    if stderr is None:
        return ""
    os.set_blocking(stderr, False)
    try:
        return os.read(stderr, 4096).decode(errors="replace").strip()
    except BlockingIOError:
        return ""


def _null(stack: ExitStack) -> int:
    fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    stack.callback(os.close, fd)
    return fd
