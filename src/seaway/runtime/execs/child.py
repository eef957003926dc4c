"""One exec as its monitor has it: the runtime that starts it, its process, its streams' ends, its exit file.

Standard library only, as the monitor.
"""

import contextlib
import fcntl
import os
import signal
import socket
import struct
import termios
from dataclasses import dataclass, field
from typing import Any

_RESTORED_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGCHLD)


@dataclass(slots=True, eq=False)
class ExecChild:
    """`ends` are the engine's: of stdout, stderr and (with `stdin`) stdin, or of a terminal. They stay open here too.
    `runtime` and `pid` are process IDs, 0 while there is no such process."""

    id: str
    run_dir: str
    exit_name: str
    terminal: bool
    stdin: bool
    size: list[int] | None
    ends: list[int] = field(default_factory=list)
    runtime: int = 0
    pid: int = 0
    _console: socket.socket | None = None

    def describe(self) -> dict[str, Any]:
        return {"id": self.id, "pid": self.pid, "terminal": self.terminal, "stdin": self.stdin}

    def call_runtime(self, argv: list[str], streams: list[int]) -> None:
        """In a session of its own. Its descriptor 3 (here our listener's) is the run directory. Raises OSError."""
        directory = os.open(self.run_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            wanted = [*(streams or [null] * 3), directory]
            moved = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(wanted)]
            env = {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")}
            self.runtime = os.posix_spawn(
                argv[0], argv, env, file_actions=moved, setsid=True, setsigdef=_RESTORED_SIGNALS, setsigmask=()
            )
        finally:
            os.close(null)
            os.close(directory)

    def runtime_ended(self, status: int) -> bool:
        """Whether it has started a process."""
        self.runtime = 0
        if status == 0:
            with contextlib.suppress(OSError, ValueError), open(f"{self.run_dir}/pid", encoding="ascii") as file:
                self.pid = int(file.read())
        return self.pid != 0

    def process_ended(self, status: int) -> None:
        """The exit file appears whole, by a rename, as conmon's does."""
        code = os.waitstatus_to_exitcode(status)
        written = f"{self.run_dir}/exit.new"
        with contextlib.suppress(OSError):  # the container was removed meanwhile
            with open(written, "w", encoding="ascii") as file:
                file.write(str(code if code >= 0 else 128 - code))
            os.rename(written, f"{self.run_dir}/exit/{self.exit_name}")

    def listen_for_terminal(self) -> int:
        """The descriptor of the socket that the runtime sends the terminal to. By a relative path: the whole one may be
        longer than a socket's address can be."""
        self._console = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        os.chdir(self.run_dir)
        try:
            self._console.bind("console")
            self._console.listen()
        finally:
            os.chdir("/")
        return self._console.fileno()

    @property
    def console(self) -> int | None:
        return self._console.fileno() if self._console else None

    def take_terminal(self) -> None:
        assert self._console
        connection, _ = self._console.accept()
        with connection:
            _, fds, _, _ = socket.recv_fds(connection, 4096, 1, socket.MSG_CMSG_CLOEXEC)
        self.ends.extend(fds)
        if fds and self.size:
            fcntl.ioctl(fds[0], termios.TIOCSWINSZ, struct.pack("HHHH", *self.size, 0, 0))

    def forget_console(self) -> None:
        if self._console:
            self._console.close()
            self._console = None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.run_dir}/console")

    def close_stdin(self) -> None:
        """A terminal's stays: its end is told by a character."""
        if self.stdin and not self.terminal:
            self.stdin = False
            os.close(self.ends.pop())

    def kill(self) -> None:
        """Its process, or the runtime that is about to start it."""
        with contextlib.suppress(ProcessLookupError):
            if self.runtime:
                os.killpg(self.runtime, signal.SIGKILL)
            elif self.pid:
                os.kill(self.pid, signal.SIGKILL)

    def close(self) -> None:
        for fd in self.ends:
            os.close(fd)
        self.ends.clear()
        self.forget_console()
