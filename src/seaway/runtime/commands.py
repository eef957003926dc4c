"""What an OCI runtime does with a container by one command of its own, conmon aside."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from seaway.base.failpoints import failpoint
from seaway.kernel import process
from seaway.runtime import errors
from seaway.runtime.programs import DEFAULT, RuntimePrograms, base_name

ANSWER_WITHIN_S = 10
"""Nobody who waits for a container's lock waits for longer than this for a runtime that hangs."""

CHECKPOINT_WITHIN_S = 120.0


class RuntimeCommands:
    """Each raises RuntimeCommandFailed: RuntimeHangs without an answer, ProcessGone where there is nothing any more."""

    def __init__(self, programs: RuntimePrograms) -> None:
        self.programs = programs

    async def start(self, container_id: str, runtime: str = DEFAULT) -> None:
        try:
            await self._run(runtime, "start", container_id)
            failpoint("start: process runs")
        except errors.RuntimeCommandFailed as failure:
            raise errors.create_failure(base_name(runtime), failure.message, "") from failure

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
                text = f"the runtime {base_name(runtime)} was built without CRIU: use one that has it (--runtime runc)"
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

    def tells_no_systemd(self, runtime: str) -> bool:
        """Whether the container's scope has limits that the runtime does not tell systemd of."""
        return self.programs.systemd_cgroups and base_name(self.programs.path(runtime)) == DEFAULT

    async def _run(
        self,
        runtime: str,
        verb: str,
        *args: str,
        pass_fds: Sequence[int] = (),
        timeout_s: float = ANSWER_WITHIN_S,
    ) -> None:
        argv = [self.programs.executable(runtime), *self.programs.arguments(runtime), verb, *args]
        try:
            await process.run(argv, pass_fds=pass_fds, timeout_s=timeout_s)
        except TimeoutError:
            raise errors.RuntimeHangs(f"{base_name(runtime)} {verb} did not end within {timeout_s:g} seconds") from None
        except process.CommandFailed as failure:
            text = failure.stderr.decode(errors="replace").strip() or f"exit code {failure.code}"
            raise errors.command_failure(text.splitlines()[-1]) from failure
        except OSError as refused:
            reason = f"fork/exec {argv[0]}: {(refused.strerror or '').lower()}"
            raise errors.RuntimeCommandFailed(reason) from refused
