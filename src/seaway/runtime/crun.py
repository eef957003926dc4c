"""An OCI runtime as a command (crun, runc, or any path), with conmon between it and the process."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from seaway.base.failpoints import failpoint
from seaway.kernel.worker import run_blocking
from seaway.runtime import conmon, control, errors
from seaway.runtime.bundle import RunDirectory
from seaway.runtime.commands import RuntimeCommands
from seaway.runtime.execs.runtime import ExecRuntime
from seaway.runtime.exits import Exit, ExitWatcher
from seaway.runtime.programs import BUILT_IN, DEFAULT, RuntimeProgram, RuntimePrograms, base_name
from seaway.runtime.requests import RunRequest
from seaway.runtime.scopes import in_the_scope_itself
from seaway.runtime.seccomp_filter import with_compiled_filter


class Runtime(RuntimeCommands):
    """`state_root` is where the runtimes keep their state. What lives on behind the engine's back has a conmon."""

    def __init__(
        self,
        state_root: Path,
        exits: ExitWatcher,
        programs: Mapping[str, RuntimeProgram] = BUILT_IN,
        conmon_path: str = "conmon",
        *,
        systemd_cgroups: bool = False,
    ) -> None:
        super().__init__(RuntimePrograms(state_root, programs, systemd_cgroups=systemd_cgroups))
        self._exits, self._conmon_path = exits, conmon_path
        self.execs = ExecRuntime(state_root.with_name("exec-monitor.sock"), self.programs, exits)
        self._waiting: dict[str, asyncio.Future[Exit]] = {}
        self._creating: dict[str, asyncio.Future[None]] = {}

    async def create(self, request: RunRequest) -> int:
        """The pid of the process, which waits for `start`. Raises StartRefused or StartFailed."""
        where = RunDirectory(request.run_dir)
        where.make()
        where.write_spec(await self._prepared(request))
        launch = conmon.Launch(
            container_id=request.container_id,
            directory=where,
            runtime_path=self.programs.executable(request.runtime),
            runtime_args=self.programs.arguments(request.runtime),
            log_path=request.log_path,
            terminal=request.terminal,
            stdin=request.stdin,
            leave_stdin_open=request.leave_stdin_open,
            checkpoint=request.checkpoint,
        )

        async def begin() -> conmon.Begun:
            begun = await conmon.begin(self._conmon_path, launch)
            failpoint("start: conmon runs")
            return begun

        given_up = self._creating[request.container_id] = asyncio.get_running_loop().create_future()
        try:
            return await self._launch(
                launch,
                begin,
                lambda said: errors.create_failure(base_name(request.runtime), said, _command(request.spec["process"])),
                given_up=given_up,
            )
        finally:
            del self._creating[request.container_id]

    def abort(self, container_id: str) -> None:
        """A `create` that is under way fails: who wants the container gone does not wait for a runtime that hangs."""
        given_up = self._creating.get(container_id)
        if given_up and not given_up.done():
            given_up.set_result(None)

    def wait(self, container_id: str) -> "asyncio.Future[Exit]":
        """The end of a container's run."""
        return self._waiting[container_id]

    def adopt(self, run_dir: Path, container_id: str) -> "asyncio.Future[Exit]":
        """Wait for a process that an earlier engine started."""
        where = RunDirectory(run_dir)
        result = self._exits.expect(where, container_id)
        self._remember(container_id, result)
        self._exits.guard(result, where.conmon_pid())
        return result

    def resize(self, run_dir: Path, height: int, width: int) -> None:
        control.resize(run_dir, height, width)

    def reopen_log(self, run_dir: Path) -> None:
        control.reopen_log(run_dir)

    async def _prepared(self, request: RunRequest) -> dict[str, Any]:
        if base_name(self.programs.path(request.runtime)) != DEFAULT:
            return request.spec
        spec = await run_blocking(with_compiled_filter, request.spec)
        return in_the_scope_itself(spec) if self.programs.systemd_cgroups else spec

    async def _launch(
        self,
        launch: conmon.Launch,
        begin: Callable[[], Awaitable[conmon.Begun]],
        failure: Callable[[str], errors.StartRefused | errors.StartFailed],
        given_up: "asyncio.Future[None]",
    ) -> int:
        result = self._exits.expect(launch.directory, launch.container_id)
        try:
            failpoint("start: bundle made")
            answer = await (await begin()).answered(given_up)
            if answer.data <= 0:
                raise failure(launch.directory.runtime_message() or answer.message)
        except BaseException:
            result.cancel()
            raise
        failpoint("start: process made")
        self._remember(launch.container_id, result)
        self._exits.guard(result, launch.directory.conmon_pid())
        return answer.data

    def _remember(self, container_id: str, result: "asyncio.Future[Exit]") -> None:
        self._waiting[container_id] = result
        result.add_done_callback(
            lambda done: self._waiting.get(container_id) is done and self._waiting.pop(container_id)
        )


def _command(process_spec: dict[str, Any]) -> str:
    return str(next(iter(process_spec.get("args", [])), ""))
