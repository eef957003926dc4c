"""An OCI runtime as a command (crun, runc, or any path), with conmon between it and the process."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from seaway.base.errors import SystemFailure
from seaway.base.failpoints import failpoint
from seaway.kernel import process
from seaway.kernel.sealed import sealed_program
from seaway.kernel.worker import run_blocking
from seaway.runtime import conmon, control, errors
from seaway.runtime.bundle import RunDirectory
from seaway.runtime.exits import Exit, ExitWatcher
from seaway.runtime.requests import ExecRequest, RunRequest
from seaway.runtime.scopes import in_the_scope_itself
from seaway.runtime.seccomp_filter import with_compiled_filter

DEFAULT = "crun"
ANSWER_WITHIN_S = 10
"""Nobody who waits for a container's lock waits for longer than this for a runtime that hangs."""

CHECKPOINT_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class RuntimeProgram:
    """`path` of None is looked up under the runtime's name."""

    path: str | None = None
    args: tuple[str, ...] = ()


# The last is what dockerd calls runc when it says how it is run.
BUILT_IN: Mapping[str, RuntimeProgram] = {
    "crun": RuntimeProgram(),
    "runc": RuntimeProgram(),
    "io.containerd.runc.v2": RuntimeProgram("runc"),
}


class Runtime:
    """`state_root` is where the runtimes keep their state, a folder for each."""

    def __init__(
        self,
        state_root: Path,
        exits: ExitWatcher,
        programs: Mapping[str, RuntimeProgram] = BUILT_IN,
        conmon_path: str = "conmon",
        *,
        systemd_cgroups: bool = False,
    ) -> None:
        self._state_root, self._exits, self._programs = state_root, exits, programs
        self._conmon_path = conmon_path
        self._options = ("--systemd-cgroup",) if systemd_cgroups else ()
        self._waiting: dict[str, asyncio.Future[Exit]] = {}
        self._creating: dict[str, asyncio.Future[None]] = {}

    def use(self, programs: Mapping[str, RuntimeProgram]) -> None:
        self._programs = programs

    async def create(self, request: RunRequest) -> int:
        """The pid of the process, which waits for `start`. Raises StartRefused or StartFailed."""
        where = RunDirectory(request.run_dir)
        where.make()
        where.write_spec(await self._prepared(request))
        launch = conmon.Launch(
            container_id=request.container_id,
            process_id=request.container_id,
            directory=where,
            runtime_path=self._executable(request.runtime),
            runtime_args=self._args(request.runtime),
            log_path=request.log_path,
            terminal=request.terminal,
            stdin=request.stdin,
            leave_stdin_open=request.leave_stdin_open,
            checkpoint=request.checkpoint,
        )
        given_up = self._creating[request.container_id] = asyncio.get_running_loop().create_future()
        try:
            return await self._launch(
                launch,
                lambda said: errors.create_failure(_base(request.runtime), said, _command(request.spec["process"])),
                given_up=given_up,
            )
        finally:
            del self._creating[request.container_id]

    def abort(self, container_id: str) -> None:
        """A `create` that is under way fails: who wants the container gone does not wait for a runtime that hangs."""
        given_up = self._creating.get(container_id)
        if given_up and not given_up.done():
            given_up.set_result(None)

    async def exec(
        self,
        request: ExecRequest,
        process_object: Callable[[], Awaitable[dict[str, Any]]],
        when_attachable: Callable[[], Awaitable[None]] | None = None,
    ) -> int:
        """`process_object` is the OCI spec's: it is worked out while conmon starts."""
        where = RunDirectory(request.run_dir)
        where.make()
        made: dict[str, Any] = {}

        async def write_process() -> None:
            made.update(await process_object())
            where.write_process(made)

        launch = conmon.Launch(
            container_id=request.container_id,
            process_id=request.exec_id,
            directory=where,
            runtime_path=self._executable(request.runtime),
            runtime_args=self._args(request.runtime),
            log_path=None,
            terminal=request.terminal,
            stdin=request.stdin,
            is_exec=True,
        )
        failure = lambda said: errors.exec_failure(said, _command(made))  # noqa: E731
        return await self._launch(launch, failure, conmon.BeforeExec(write_process, when_attachable))

    def wait(self, process_id: str) -> "asyncio.Future[Exit]":
        """The end of a container's run or of an exec, by its ID."""
        return self._waiting[process_id]

    def adopt(self, run_dir: Path, container_id: str, exec_id: str | None = None) -> "asyncio.Future[Exit]":
        """Wait for a process that an earlier engine started."""
        where = RunDirectory(run_dir)
        result = self._exits.expect(where, container_id)
        self._remember(exec_id or container_id, result)
        self._exits.guard(result, where.conmon_pid())
        return result

    async def start(self, container_id: str, runtime: str = DEFAULT) -> None:
        try:
            await self._run(runtime, "start", container_id)
            failpoint("start: process runs")
        except errors.RuntimeCommandFailed as failure:
            raise errors.create_failure(_base(runtime), failure.message, "") from failure

    async def kill(self, container_id: str, signal_number: int, runtime: str = DEFAULT) -> None:
        await self._run(runtime, "kill", container_id, str(signal_number))

    async def delete(self, container_id: str, runtime: str = DEFAULT, *, force: bool = False) -> None:
        try:
            await self._run(runtime, "delete", *(["--force"] if force else []), container_id)
        except errors.RuntimeCommandFailed as failure:
            if "does not exist" not in failure.message and "No such file" not in failure.message:
                raise

    async def pause(self, container_id: str, runtime: str = DEFAULT) -> None:
        await self._run(runtime, "pause", container_id)

    async def resume(self, container_id: str, runtime: str = DEFAULT) -> None:
        await self._run(runtime, "resume", container_id)

    async def checkpoint(
        self, container_id: str, directory: Path, runtime: str = DEFAULT, *, leave_running: bool
    ) -> None:
        """CRIU's images into `directory`. The process ends, unless it is to be left running. Raises
        RuntimeCommandFailed where the runtime, CRIU or the kernel cannot."""
        where = ["--image-path", str(directory), "--work-path", str(directory)]
        stay = ["--leave-running"] if leave_running else []
        try:
            await self._run(runtime, "checkpoint", *where, *stay, container_id, timeout_s=CHECKPOINT_WITHIN_S)
        except errors.RuntimeCommandFailed as failure:
            if "unknown command" in failure.message:
                text = f"the runtime {_base(runtime)} was built without CRIU: use one that has it (--runtime runc)"
                raise errors.RuntimeCommandFailed(text) from failure
            raise

    async def update(self, container_id: str, resources: dict[str, Any], runtime: str = DEFAULT) -> None:
        """`resources` is the OCI spec's linux.resources."""
        # Not by stdin: under uvloop that is a socket, which crun cannot open as /dev/stdin.
        fd = os.memfd_create("resources")
        try:
            os.write(fd, msgspec.json.encode(resources))
            file = f"/proc/self/fd/{fd}"
            await self._run(runtime, "update", "--resources", file, container_id, pass_fds=(fd,))
        finally:
            os.close(fd)

    def resize(self, run_dir: Path, height: int, width: int) -> None:
        control.resize(run_dir, height, width)

    def reopen_log(self, run_dir: Path) -> None:
        control.reopen_log(run_dir)

    async def _prepared(self, request: RunRequest) -> dict[str, Any]:
        if _base(self._path(request.runtime)) != DEFAULT:
            return request.spec
        spec = await run_blocking(with_compiled_filter, request.spec)
        return in_the_scope_itself(spec) if self._options else spec

    async def _launch(
        self,
        launch: conmon.Launch,
        failure: Callable[[str], errors.StartRefused | errors.StartFailed],
        before_exec: conmon.BeforeExec | None = None,
        given_up: "asyncio.Future[None] | None" = None,
    ) -> int:
        result = self._exits.expect(launch.directory, launch.container_id)
        try:
            failpoint("exec: bundle made" if launch.is_exec else "start: bundle made")
            answer = await conmon.start(self._conmon_path, launch, before_exec, given_up)
            if answer.data <= 0:
                raise failure(launch.directory.runtime_message() or answer.message)
        except BaseException:
            result.cancel()
            raise
        failpoint("exec: process made" if launch.is_exec else "start: process made")
        self._remember(launch.process_id, result)
        self._exits.guard(result, launch.directory.conmon_pid())
        return answer.data

    def _remember(self, process_id: str, result: "asyncio.Future[Exit]") -> None:
        self._waiting[process_id] = result
        result.add_done_callback(lambda done: self._waiting.get(process_id) is done and self._waiting.pop(process_id))

    async def _run(
        self,
        runtime: str,
        verb: str,
        *args: str,
        pass_fds: Sequence[int] = (),
        timeout_s: float = ANSWER_WITHIN_S,
    ) -> None:
        argv = [self._executable(runtime), *self._args(runtime), verb, *args]
        try:
            await process.run(argv, pass_fds=pass_fds, timeout_s=timeout_s)
        except TimeoutError:
            raise errors.RuntimeHangs(f"{_base(runtime)} {verb} did not end within {timeout_s:g} seconds") from None
        except process.CommandFailed as failure:
            text = failure.stderr.decode(errors="replace").strip() or f"exit code {failure.code}"
            raise errors.command_failure(text.splitlines()[-1]) from failure
        except OSError as refused:
            reason = f"fork/exec {argv[0]}: {(refused.strerror or '').lower()}"
            raise errors.RuntimeCommandFailed(reason) from refused

    def _executable(self, runtime: str) -> str:
        path = self._path(runtime)
        return sealed_program(path) if _base(path) == DEFAULT else path

    def _path(self, runtime: str) -> str:
        program = self._programs.get(runtime, RuntimeProgram(runtime))
        found = process.find_program(program.path or runtime)
        if not found:
            raise SystemFailure(f'failed to create task for container: runtime "{runtime}" was not found: unknown')
        return found

    def _args(self, runtime: str) -> tuple[str, ...]:
        program = self._programs.get(runtime, RuntimeProgram(runtime))
        return ("--root", str(self._state_root / _base(runtime)), *self._options, *program.args)


def _base(runtime: str) -> str:
    return Path(runtime).name


def _command(process_spec: dict[str, Any]) -> str:
    return str(next(iter(process_spec.get("args", [])), ""))
