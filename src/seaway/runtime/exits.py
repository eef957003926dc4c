"""How a process ended, told by conmon's exit file.

conmon writes `exit/<container id>` by rename, so a watch for IN_MOVED_TO misses nothing and sees no half-written
code. An exec's file has the same name: each exec has an exit directory of its own. A conmon that is killed writes
none: its pidfd says so, and the exit is 137 with a reason.
"""

import asyncio
from dataclasses import dataclass

from asyncinotify import Inotify, Mask, Watch

from seaway.base.clock import now_ns
from seaway.base.supervisor import Supervisor
from seaway.kernel.pidfd import PidFd
from seaway.runtime.bundle import RunDirectory

LOST = 137
LOST_TEXT = "the process that watched over the container was killed"


@dataclass(frozen=True, slots=True)
class Exit:
    code: int
    at_ns: int
    oom_killed: bool = False
    error: str = ""


@dataclass(slots=True)
class _Awaited:
    container_id: str
    directory: RunDirectory
    result: "asyncio.Future[Exit]"
    watch: Watch | None = None
    guard: "asyncio.Task[None] | None" = None


class ExitWatcher:
    """One inotify descriptor for all runs and execs. `start` once, `close` at the end."""

    def __init__(self, supervisor: Supervisor) -> None:
        self._supervisor = supervisor
        self._inotify = Inotify()
        self._awaited: dict[Watch, _Awaited] = {}
        self._reader: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._reader = self._supervisor.spawn(self._read(), "exit watcher", service=True)

    def expect(self, directory: RunDirectory, container_id: str) -> "asyncio.Future[Exit]":
        """Call before the process starts, or on adoption: an exit file that is there already counts."""
        result: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        awaited = _Awaited(container_id, directory, result)
        awaited.watch = self._inotify.add_watch(directory.exit_dir, Mask.MOVED_TO)
        self._awaited[awaited.watch] = awaited
        result.add_done_callback(lambda _done: self._forget(awaited))
        self._look(awaited)
        return result

    def guard(self, result: "asyncio.Future[Exit]", conmon_pid: int | None) -> None:
        """Once conmon runs: its death without an exit file ends the wait too."""
        awaited = next((a for a in self._awaited.values() if a.result is result), None)
        if awaited:
            awaited.guard = self._supervisor.spawn(self._wait_conmon(awaited, conmon_pid), "conmon guard", service=True)

    async def close(self) -> None:
        if self._reader:
            self._reader.cancel()
            await asyncio.wait([self._reader])
        awaited_yet = list(self._awaited.values())
        self._awaited.clear()  # their watches go with the descriptor
        for awaited in awaited_yet:
            awaited.result.cancel()
            if awaited.guard:
                awaited.guard.cancel()
        self._inotify.close()

    async def _read(self) -> None:
        while True:
            event = await self._inotify.get()
            awaited = self._awaited.get(event.watch) if event.watch else None
            if awaited:
                self._look(awaited)

    def _look(self, awaited: _Awaited) -> None:
        code = awaited.directory.exit_code(awaited.container_id)
        if code is not None and not awaited.result.done():
            awaited.result.set_result(Exit(code, now_ns(), awaited.directory.was_out_of_memory()))

    async def _wait_conmon(self, awaited: _Awaited, conmon_pid: int | None) -> None:
        try:
            conmon = PidFd(conmon_pid) if conmon_pid else None
        except ProcessLookupError:
            conmon = None
        if conmon:
            try:
                await conmon.wait_exit()
            finally:
                conmon.close()
        self._look(awaited)
        if not awaited.result.done():
            awaited.result.set_result(Exit(LOST, now_ns(), error=LOST_TEXT))

    def _forget(self, awaited: _Awaited) -> None:
        if awaited.guard and not awaited.guard.done() and awaited.guard is not asyncio.current_task():
            awaited.guard.cancel()
        if awaited.watch and self._awaited.pop(awaited.watch, None):
            try:
                self._inotify.rm_watch(awaited.watch)
            except OSError:
                pass  # the directory went away, and its watch with it
