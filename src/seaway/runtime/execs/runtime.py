"""Execs: further processes in running containers, whose parent is the exec monitor."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from seaway.base.failpoints import failpoint
from seaway.runtime import errors
from seaway.runtime.bundle import RunDirectory
from seaway.runtime.control import ProcessEnded
from seaway.runtime.execs.client import ExecMonitorClient, ExecOrder, RunningExec, RuntimeRefused
from seaway.runtime.execs.pipes import PipeChannel
from seaway.runtime.exits import Exit, ExitWatcher
from seaway.runtime.programs import RuntimePrograms
from seaway.runtime.requests import ExecRequest


class ExecRuntime:
    """`socket_path` is the exec monitor's."""

    def __init__(self, socket_path: Path, programs: RuntimePrograms, exits: ExitWatcher) -> None:
        self._monitor = ExecMonitorClient(socket_path)
        self._programs, self._exits = programs, exits
        self._channels: dict[str, PipeChannel] = {}

    async def start(
        self, request: ExecRequest, process_object: dict[str, Any]
    ) -> "tuple[RunningExec, asyncio.Future[Exit]]":
        """`process_object` is the OCI spec's. Raises StartRefused or StartFailed."""
        where = RunDirectory(request.run_dir)
        where.make()
        where.write_process(process_object)
        exit_of_exec = self._exits.expect(where, request.container_id)
        try:
            failpoint("exec: bundle made")
            running = await self._monitor.start(self._order(request, where))
        except BaseException as failure:
            exit_of_exec.cancel()
            if isinstance(failure, RuntimeRefused):
                said = where.runtime_message() or failure.message or "the runtime ended without a word"
                raise errors.exec_failure(said, str(next(iter(process_object["args"]), ""))) from failure
            raise
        failpoint("exec: process made")
        self._follow(request.exec_id, running, exit_of_exec)
        return running, exit_of_exec

    async def still_running(self) -> Mapping[str, RunningExec]:
        """The execs of an earlier engine, by ID. Each is to be adopted or dropped."""
        return await self._monitor.adopt()

    def adopt(
        self, exec_id: str, run_dir: Path, container_id: str, running: RunningExec | None
    ) -> "asyncio.Future[Exit]":
        """None for one that has ended meanwhile: its exit file is there, or its monitor was killed."""
        exit_of_exec = self._exits.expect(RunDirectory(run_dir), container_id)
        if running:
            self._follow(exec_id, running, exit_of_exec)
        else:
            self._exits.guard(exit_of_exec, None)
        return exit_of_exec

    def drop(self, exec_id: str, running: RunningExec) -> None:
        """Nobody knows what it is for."""
        self._monitor.end(exec_id)
        running.channel.close()

    def resize(self, exec_id: str, height: int, width: int) -> None:
        """Raises ProcessEnded."""
        if exec_id not in self._channels:
            raise ProcessEnded("the process has ended")
        self._channels[exec_id].resize(height, width)

    def close(self) -> None:
        """What runs goes on."""
        self._monitor.close()

    def _follow(self, exec_id: str, running: RunningExec, exit_of_exec: "asyncio.Future[Exit]") -> None:
        self._channels[exec_id] = running.channel
        self._exits.guard(exit_of_exec, running.monitor_pid)

        def ended(_exit: object) -> None:
            del self._channels[exec_id]
            running.channel.process_ended()

        exit_of_exec.add_done_callback(ended)

    def _order(self, request: ExecRequest, where: RunDirectory) -> ExecOrder:
        argv = [self._programs.executable(request.runtime), "--log", str(where.runtime_log), "--log-format", "json"]
        argv += [*self._programs.arguments(request.runtime), "exec", "--detach", "--pid-file", str(where.pid_file)]
        argv += ["--process", str(where.process_file)]
        # The exec monitor calls the runtime with the run directory as its descriptor 3.
        argv += ["--console-socket", "/proc/self/fd/3/console"] if request.terminal else []
        return ExecOrder(
            id=request.exec_id,
            argv=(*argv, request.container_id),
            run_dir=where.path,
            exit_name=request.container_id,
            terminal=request.terminal,
            stdin=request.stdin,
            size=request.console_size,
        )
