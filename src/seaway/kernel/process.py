"""Other programs, without a shell. The only module that may import subprocess."""

import asyncio
import os
import shutil
import signal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from seaway.base.errors import SystemFailure


@dataclass(frozen=True, slots=True)
class Completed:
    argv: tuple[str, ...]
    stdout: bytes
    stderr: bytes


class CommandFailed(SystemFailure):
    """A program ended with a non-zero code (negative: a signal)."""

    def __init__(self, argv: Sequence[str], code: int, stderr: bytes, stdout: bytes = b"") -> None:
        self.argv, self.code, self.stderr, self.stdout = tuple(argv), code, stderr, stdout
        text = stderr.decode(errors="replace").strip() or f"exit code {code}"
        super().__init__(f"{argv[0]}: {text}")


def find_program(*names: str) -> str | None:
    """The first of the names (or paths) that can be executed, daemons' directories included."""
    path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/libexec/podman:/usr/lib/podman"
    return next((found for name in names if (found := shutil.which(name, path=path))), None)


async def run(
    argv: Sequence[str],
    *,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | None = None,
    timeout_s: float | None = None,
    pass_fds: Sequence[int] = (),
) -> Completed:
    """Run a program to its end. Raises CommandFailed; on cancellation or timeout the program is killed."""
    child = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.PIPE if stdin is not None else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=env,
        cwd=cwd,
        pass_fds=pass_fds,
    )
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await child.communicate(stdin)
    except BaseException:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
            await child.wait()
        raise
    if child.returncode:
        raise CommandFailed(argv, child.returncode, err, out)
    return Completed(tuple(argv), out, err)
