"""The exec monitor: the parent of all execs of one engine, which lives on while the engine is away.

What conmon does for a container this does for all execs together, without a process for each: it calls the runtime,
waits for the process as its subreaper, and writes the exit code into the exec's run directory. The streams' far ends
stay open here, so that a process of an engine that was killed is neither ended nor loses what it says; it waits once
its pipe is full. One JSON object a packet on a Unix socket, descriptors beside it:

    -> {"monitor": our pid}                                     first, unasked
    {"do": "start", "id": …, "argv": […], "run_dir": …, "exit_name": …, "terminal": false, "stdin": true}
        descriptors: the process's stdin, stdout and stderr, then our ends of stdout, stderr and (if `stdin`) stdin
    {"do": "start", …, "terminal": true, "size": [rows, columns] or null}     a terminal comes from the runtime
        -> {"id": …, "pid": 1, "terminal": …, "stdin": …}       a terminal's descriptor is beside it
        -> {"id": …, "failed": "why"}                           empty where the runtime's own log tells it
    {"do": "close_stdin", "id": …}
    {"do": "end", "id": …}                                      kills it, or the runtime that is about to start it
    {"do": "list"}  -> {"id": …, "pid": …, …} of each, with our ends beside it, then {"listed": true}

It ends when it has no exec and nobody is connected. Standard library only: it has to start fast and stay small.
"""

import array
import contextlib
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import termios
from dataclasses import dataclass, field
from typing import Any

from seaway.kernel import syscalls
from seaway.kernel.background import forget_listener, listen_and_detach

MOST_FDS = 6
PACKET = 1 << 17
FIRST_CALL_WITHIN_S = 10
_RESTORED_SIGNALS = (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGHUP, signal.SIGCHLD)


@dataclass(slots=True)
class _Exec:
    """`ends` are our ends: stdout, stderr and stdin, or the one of a terminal."""

    id: str
    run_dir: str
    exit_name: str
    terminal: bool
    stdin: bool
    size: list[int] | None
    asked_by: "_Peer | None"
    ends: list[int] = field(default_factory=list)
    runtime: int = 0
    pid: int = 0
    console: socket.socket | None = None

    def close(self) -> None:
        for fd in self.ends:
            os.close(fd)
        self.ends.clear()
        self.forget_console()

    def forget_console(self) -> None:
        if self.console:
            self.console.close()
            self.console = None
            with contextlib.suppress(FileNotFoundError):
                os.unlink(f"{self.run_dir}/console")


class _Peer:
    """An engine."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection: socket.socket | None = connection

    def fileno(self) -> int:
        assert self.connection
        return self.connection.fileno()

    def tell(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        if self.connection:
            # An engine that was killed meanwhile is not there to hear it; the next one asks.
            with contextlib.suppress(OSError):
                socket.send_fds(self.connection, [json.dumps(message).encode()], fds or [])

    def close(self) -> None:
        if self.connection:
            self.connection.close()
            self.connection = None


class ExecMonitor:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._poll = select.epoll()
        self._readers: dict[int, Any] = {}
        self._peers: set[_Peer] = set()
        self._execs: dict[str, _Exec] = {}
        self._runtimes: dict[int, _Exec] = {}
        self._processes: dict[int, _Exec] = {}
        self._early: dict[int, int] = {}
        """The ends of processes whose runtime has not told their pid yet."""

    def run(self) -> None:
        woken, wake = socket.socketpair()
        woken.setblocking(False)
        wake.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake.fileno(), warn_on_full_buffer=False)
        self._watch(woken.fileno(), lambda: self._children_ended(woken))
        self._watch(self._listener.fileno(), self._accept)
        waits_for_first: float | None = FIRST_CALL_WITHIN_S
        while events := self._poll.poll(waits_for_first):
            for fd, _ in events:
                if reader := self._readers.get(fd):
                    reader()
            waits_for_first = None if self._peers or self._execs else 0

    def _watch(self, fd: int, reader: Any) -> None:
        self._readers[fd] = reader
        self._poll.register(fd, select.EPOLLIN)

    def _unwatch(self, fd: int) -> None:
        del self._readers[fd]
        self._poll.unregister(fd)

    def _accept(self) -> None:
        peer = _Peer(self._listener.accept()[0])
        self._peers.add(peer)
        self._watch(peer.fileno(), lambda: self._hear(peer))
        peer.tell({"monitor": os.getpid()})

    def _hear(self, peer: _Peer) -> None:
        try:
            packet, fds = _receive(peer)
        except ConnectionError:
            packet, fds = b"", []
        if packet:
            self._obey(json.loads(packet), fds, peer)
            return
        self._unwatch(peer.fileno())
        self._peers.discard(peer)
        peer.close()

    def _obey(self, request: dict[str, Any], fds: list[int], peer: _Peer) -> None:
        what = request["do"]
        if what == "start":
            self._start(request, fds, peer)
        elif what == "list":
            for one in self._execs.values():
                peer.tell(_described(one), one.ends)
            peer.tell({"listed": True})
        elif known := self._execs.get(request["id"]):
            if what == "close_stdin" and known.stdin and not known.terminal:
                known.stdin = False
                os.close(known.ends.pop())
            elif what == "end":
                _kill(known)

    def _start(self, request: dict[str, Any], fds: list[int], peer: _Peer) -> None:
        one = _Exec(
            request["id"],
            request["run_dir"],
            request["exit_name"],
            request["terminal"],
            request["stdin"],
            request.get("size"),
            peer,
            fds[3:],
        )
        argv = request["argv"]
        try:
            if one.terminal:
                self._listen_for_terminal(one)
            one.runtime = _spawn(argv, fds[:3], one.run_dir)
        except OSError as failure:
            peer.tell({"id": one.id, "failed": f"fork/exec {argv[0]}: {(failure.strerror or '').lower()}"})
            self._drop_console(one)
            one.close()
        else:
            self._execs[one.id] = self._runtimes[one.runtime] = one
        finally:
            for fd in fds[:3]:
                os.close(fd)

    def _listen_for_terminal(self, one: _Exec) -> None:
        """By a relative path: the whole one may be longer than a socket's address can be."""
        os.chdir(one.run_dir)
        try:
            one.console = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            one.console.bind("console")
            one.console.listen()
        finally:
            os.chdir("/")
        self._watch(one.console.fileno(), lambda: self._take_terminal(one))

    def _take_terminal(self, one: _Exec) -> None:
        assert one.console
        connection, _ = one.console.accept()
        with connection:
            _, fds, _, _ = socket.recv_fds(connection, 4096, 1, socket.MSG_CMSG_CLOEXEC)
        self._drop_console(one)
        one.ends.extend(fds)
        if fds and one.size:
            fcntl.ioctl(fds[0], termios.TIOCSWINSZ, struct.pack("HHHH", *one.size, 0, 0))
        if one.pid:
            self._tell_of_start(one)

    def _drop_console(self, one: _Exec) -> None:
        if one.console:
            self._unwatch(one.console.fileno())
            one.forget_console()

    def _children_ended(self, woken: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while woken.recv(4096):
                pass
        while ended := _next_ended():
            pid, status = ended
            if of_runtime := self._runtimes.pop(pid, None):
                self._runtime_ended(of_runtime, status)
            elif of_process := self._processes.pop(pid, None):
                self._process_ended(of_process, status)
            elif self._runtimes:
                self._early[pid] = status
        if not self._runtimes:
            self._early.clear()

    def _runtime_ended(self, one: _Exec, status: int) -> None:
        one.runtime = 0
        pid = _number(f"{one.run_dir}/pid") if status == 0 else 0
        if not pid:
            if one.asked_by:
                one.asked_by.tell({"id": one.id, "failed": ""})
            self._forget(one)
            return
        one.pid = pid
        if one.ends or not one.terminal:
            self._tell_of_start(one)
        if pid in self._early:
            self._process_ended(one, self._early.pop(pid))
        else:
            self._processes[pid] = one

    def _tell_of_start(self, one: _Exec) -> None:
        if one.asked_by:
            one.asked_by.tell(_described(one), one.ends if one.terminal else [])

    def _process_ended(self, one: _Exec, status: int) -> None:
        if one.terminal and not one.ends and one.asked_by:
            self._tell_of_start(one)
        code = os.waitstatus_to_exitcode(status)
        written = f"{one.run_dir}/exit.new"
        with contextlib.suppress(OSError), open(written, "w", encoding="ascii") as file:
            file.write(str(code if code >= 0 else 128 - code))
        with contextlib.suppress(OSError):
            os.rename(written, f"{one.run_dir}/exit/{one.exit_name}")
        self._forget(one)

    def _forget(self, one: _Exec) -> None:
        del self._execs[one.id]
        self._drop_console(one)
        one.close()


def _described(one: _Exec) -> dict[str, Any]:
    return {"id": one.id, "pid": one.pid, "terminal": one.terminal, "stdin": one.stdin}


def _receive(peer: _Peer) -> tuple[bytes, list[int]]:
    assert peer.connection
    fds = array.array("i")
    space = socket.CMSG_SPACE(MOST_FDS * fds.itemsize)
    packet, control, _, _ = peer.connection.recvmsg(PACKET, space, socket.MSG_CMSG_CLOEXEC)
    for level, kind, data in control:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            fds.frombytes(data)
    return packet, list(fds)


def _spawn(argv: list[str], streams: list[int], run_dir: str) -> int:
    """The pid of the runtime, in a session of its own. Its descriptor 3 (here our listener's) is the run directory."""
    directory = os.open(run_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    try:
        wanted = [*(streams or [null] * 3), directory]
        moved = [(os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(wanted)]
        return os.posix_spawn(
            argv[0], argv, _environment(), file_actions=moved, setsid=True, setsigdef=_RESTORED_SIGNALS, setsigmask=()
        )
    finally:
        os.close(null)
        os.close(directory)


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")}


def _kill(one: _Exec) -> None:
    with contextlib.suppress(ProcessLookupError):
        if one.runtime:
            os.killpg(one.runtime, signal.SIGKILL)
        elif one.pid:
            os.kill(one.pid, signal.SIGKILL)


def _next_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _number(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def main(path: str) -> None:
    listener = listen_and_detach(path, socket.SOCK_SEQPACKET)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    ExecMonitor(listener).run()
    forget_listener(path)


if __name__ == "__main__":
    main(sys.argv[1])
