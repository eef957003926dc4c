"""The engine's side of the exec monitor: starts it for the first exec, and again if somebody kills it."""

import asyncio
import json
import os
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.base.errors import SystemFailure
from seaway.base.failpoints import failpoint
from seaway.kernel import process
from seaway.runtime.execmonitor import MOST_FDS, PACKET
from seaway.runtime.pipechannel import PipeChannel


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


@dataclass(frozen=True, slots=True)
class _Heard:
    about: dict[str, Any]
    fds: list[int]


@dataclass(frozen=True, slots=True)
class _Letter:
    packet: bytes
    fds: Sequence[int]
    sent: "asyncio.Future[None]"


class ExecMonitorClient:
    """`socket_path` is the monitor's; one that an earlier engine left there is taken over with its execs."""

    def __init__(self, socket_path: Path) -> None:
        self._path = socket_path
        self._connection: socket.socket | None = None
        self._greeted: asyncio.Future[int] | None = None
        self._monitor_pid = 0
        self._turn = asyncio.Lock()
        self._awaited: dict[str, asyncio.Future[_Heard]] = {}
        self._listed: tuple[list[_Heard], asyncio.Future[None]] | None = None
        self._letters: deque[_Letter] = deque()

    async def start(self, order: ExecOrder) -> RunningExec:
        """Raises RuntimeRefused, or SystemFailure where there can be no monitor."""
        await self._ready()
        answer: asyncio.Future[_Heard] = asyncio.get_running_loop().create_future()
        self._awaited[order.id] = answer
        with ExitStack() as ours:
            try:
                ends = await self._ask_to_start(order, ours)
                failpoint("exec: ordered")
                heard = await answer
            except BaseException:
                self.end(order.id)
                raise
            finally:
                self._awaited.pop(order.id, None)
            if "failed" in heard.about:
                raise RuntimeRefused(heard.about["failed"] or _complaint(*ends[1:2]))
            ours.pop_all()
        return self._running(heard.about, heard.fds if order.terminal else ends)

    async def adopt(self) -> Mapping[str, RunningExec]:
        """Those of an earlier engine that still run, by ID; what was only about to start is ended."""
        async with self._turn:
            if not await self._connect():
                return {}
        heard, all_told = self._listed = [], asyncio.get_running_loop().create_future()
        await self._send({"do": "list"})
        await all_told
        for one in heard:
            if not one.about["pid"]:
                self.end(one.about["id"])
                _close(one.fds)
        return {one.about["id"]: self._running(one.about, one.fds) for one in heard if one.about["pid"]}

    def end(self, exec_id: str) -> None:
        self._send({"do": "end", "id": exec_id})

    def close(self) -> None:
        """The monitor stays while it has an exec."""
        if self._connection:
            self._lost()

    def _running(self, about: Mapping[str, Any], ends: Sequence[int]) -> RunningExec:
        piped = about["stdin"] and not about["terminal"]
        outputs, stdin = (ends[:-1], ends[-1]) if piped else (ends, None)

        def when_stdin_closes() -> None:
            self._send({"do": "close_stdin", "id": about["id"]})

        return RunningExec(about["pid"], self._monitor_pid, PipeChannel(outputs, stdin, when_stdin_closes))

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
            await self._send(asked)
            return []
        with ExitStack() as theirs:
            stdin, stdin_end = _pipe(theirs, ours) if order.stdin else (_null(theirs), None)
            stdout_end, stdout = _pipe(ours, theirs)
            stderr_end, stderr = _pipe(ours, theirs)
            ends = [stdout_end, stderr_end, *([] if stdin_end is None else [stdin_end])]
            await self._send(asked, [stdin, stdout, stderr, *ends])
        return ends

    async def _ready(self) -> None:
        async with self._turn:
            if await self._connect():
                return
            await process.run([sys.executable, "-P", "-m", "seaway.runtime.execmonitor", str(self._path)])
            if not await self._connect():
                raise SystemFailure("the exec monitor has ended at once")

    async def _connect(self) -> bool:
        """To one that answers: a dying one may still take connections."""
        if self._connection:
            return True
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            directory = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                connection.connect(f"/proc/self/fd/{directory}/{self._path.name}")
            finally:
                os.close(directory)
        except (FileNotFoundError, ConnectionRefusedError):
            connection.close()
            return False
        connection.setblocking(False)
        self._connection = connection
        loop = asyncio.get_running_loop()
        self._greeted = loop.create_future()
        loop.add_reader(connection.fileno(), self._receive)
        try:
            self._monitor_pid = await self._greeted
        except SystemFailure:
            return False
        return True

    def _send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> "asyncio.Future[None]":
        """Done once it has left: `fds` stay open until then. Without a monitor there is nobody to be told."""
        letter = _Letter(json.dumps(message).encode(), fds, asyncio.get_running_loop().create_future())
        if self._connection:
            self._letters.append(letter)
            if len(self._letters) == 1:
                self._post()
        else:
            letter.sent.set_result(None)
        return letter.sent

    def _post(self) -> None:
        """As much as the monitor takes now; the rest when it has room."""
        assert self._connection
        loop, fd = asyncio.get_running_loop(), self._connection.fileno()
        try:
            while self._letters:
                letter = self._letters[0]
                if not letter.sent.cancelled():
                    socket.send_fds(self._connection, [letter.packet], letter.fds)
                    letter.sent.set_result(None)
                self._letters.popleft()
        except BlockingIOError:
            loop.add_writer(fd, self._post)
        except (BrokenPipeError, ConnectionResetError):
            self._lost()
        else:
            loop.remove_writer(fd)

    def _receive(self) -> None:
        while self._connection:
            try:
                packet, fds, _, _ = socket.recv_fds(self._connection, PACKET, MOST_FDS, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except ConnectionError:
                packet, fds = b"", []
            if not packet:
                self._lost()
                return
            self._hear(_Heard(json.loads(packet), list(fds)))

    def _hear(self, heard: _Heard) -> None:
        if "monitor" in heard.about:
            if self._greeted and not self._greeted.done():
                self._greeted.set_result(heard.about["monitor"])
        elif "listed" in heard.about:
            if self._listed:
                self._listed[1].set_result(None)
                self._listed = None
        elif (answer := self._awaited.get(heard.about["id"])) and not answer.done():
            answer.set_result(heard)
        elif self._listed:
            self._listed[0].append(heard)
        else:
            _close(heard.fds)

    def _lost(self) -> None:
        """Those who wait for an answer hear that there is none; the ends of running ones are told by its pidfd."""
        assert self._connection
        loop, fd = asyncio.get_running_loop(), self._connection.fileno()
        loop.remove_reader(fd)
        loop.remove_writer(fd)
        self._connection.close()
        self._connection = None
        gone = SystemFailure("the exec monitor has gone")
        for letter in self._letters:
            if not letter.sent.done():
                letter.sent.set_result(None)
        waiting: list[asyncio.Future[Any]] = [*self._awaited.values()]
        waiting += [self._listed[1]] if self._listed else []
        waiting += [self._greeted] if self._greeted else []
        self._letters.clear()
        for answer in waiting:
            if not answer.done():
                answer.set_exception(gone)
        self._listed = None


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


def _close(fds: list[int]) -> None:
    for fd in fds:
        os.close(fd)
