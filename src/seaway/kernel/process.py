"""Other programs, without a shell. The only module that may import subprocess.

subprocess starts them by vfork and closes every descriptor that is not passed on; an event loop's own way forks the
whole engine and leaks the pipes of one program into the next. The end is heard through a pidfd, and what a program
says lies in memory files: one that leaves a daemon behind keeps nobody waiting.
"""

import asyncio
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from seaway.base.errors import SystemFailure
from seaway.kernel.pidfd import PidFd


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


class Child:
    """A program that we started. Await `wait` once, or it stays a zombie."""

    def __init__(self, popen: "subprocess.Popen[bytes]") -> None:
        self._popen = popen
        self.pid = popen.pid

    async def wait(self) -> int:
        """The exit code; negative for a signal. Cancelled, it kills the program and waits for its end."""
        pidfd = PidFd(self.pid)
        try:
            await pidfd.wait_exit()
        except BaseException:
            self._popen.kill()
            raise
        finally:
            pidfd.close()
            self._popen.wait()
        return self._popen.returncode


def start(
    argv: Sequence[str],
    *,
    stdin: int = subprocess.DEVNULL,
    stdout: int = subprocess.DEVNULL,
    stderr: int = subprocess.DEVNULL,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    pass_fds: Sequence[int] = (),
) -> Child:
    """Raises FileNotFoundError and other OSErrors of exec itself."""
    popen = subprocess.Popen(
        argv, stdin=stdin, stdout=stdout, stderr=stderr, env=env, cwd=cwd, pass_fds=pass_fds, close_fds=True
    )
    return Child(popen)


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
    with ExitStack() as files:
        out, err = _memory_file(files, "stdout"), _memory_file(files, "stderr")
        source = subprocess.DEVNULL if stdin is None else _memory_file(files, "stdin", stdin)
        child = start(argv, stdin=source, stdout=out, stderr=err, env=env, cwd=cwd, pass_fds=pass_fds)
        async with asyncio.timeout(timeout_s):
            code = await child.wait()
        said, complained = _content(out), _content(err)
    if code:
        raise CommandFailed(argv, code, complained, said)
    return Completed(tuple(argv), said, complained)


def _memory_file(files: ExitStack, name: str, content: bytes = b"") -> int:
    fd = os.memfd_create(name)
    files.callback(os.close, fd)
    if content:
        os.pwrite(fd, content, 0)
    return fd


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)
