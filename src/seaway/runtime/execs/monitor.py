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

import contextlib
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from seaway.kernel import syscalls
from seaway.kernel.background import forget_listener, listen_and_detach
from seaway.runtime.execs.child import ExecChild
from seaway.runtime.execs.peer import Peer

FIRST_CALL_WITHIN_S = 10


class ExecMonitor:
    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._poll = select.epoll()
        self._readers: dict[int, Callable[[], None]] = {}
        self._peers: set[Peer] = set()
        self._execs: dict[str, ExecChild] = {}
        self._asked_by: dict[ExecChild, Peer] = {}
        self._runtimes: dict[int, ExecChild] = {}
        self._processes: dict[int, ExecChild] = {}
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

    def _watch(self, fd: int, reader: Callable[[], None]) -> None:
        self._readers[fd] = reader
        self._poll.register(fd, select.EPOLLIN)

    def _unwatch(self, fd: int) -> None:
        del self._readers[fd]
        self._poll.unregister(fd)

    def _accept(self) -> None:
        peer = Peer(self._listener.accept()[0])
        self._peers.add(peer)
        self._watch(peer.fd, lambda: self._hear(peer))
        peer.tell({"monitor": os.getpid()})

    def _hear(self, peer: Peer) -> None:
        packet, fds = peer.hear()
        if packet:
            self._obey(json.loads(packet), fds, peer)
            return
        self._unwatch(peer.fd)
        self._peers.discard(peer)
        peer.close()

    def _obey(self, request: dict[str, Any], fds: list[int], peer: Peer) -> None:
        what = request["do"]
        if what == "start":
            self._start(request, fds, peer)
        elif what == "list":
            for child in self._execs.values():
                peer.tell(child.describe(), child.ends)
            peer.tell({"listed": True})
        elif known := self._execs.get(request["id"]):
            if what == "close_stdin":
                known.close_stdin()
            elif what == "end":
                known.kill()

    def _start(self, request: dict[str, Any], fds: list[int], peer: Peer) -> None:
        argv = request["argv"]
        what = {name: request[name] for name in ("id", "run_dir", "exit_name", "terminal", "stdin", "size")}
        child = ExecChild(**what, ends=fds[3:])
        self._execs[child.id], self._asked_by[child] = child, peer
        try:
            if child.terminal:
                self._watch(child.listen_for_terminal(), lambda: self._take_terminal(child))
            child.call_runtime(argv, fds[:3])
            self._runtimes[child.runtime] = child
        except OSError as failure:
            self._fail(child, f"fork/exec {argv[0]}: {(failure.strerror or '').lower()}")
        finally:
            for fd in fds[:3]:
                os.close(fd)

    def _take_terminal(self, child: ExecChild) -> None:
        child.take_terminal()
        self._drop_console(child)
        if child.pid:
            self._tell_of_start(child)

    def _drop_console(self, child: ExecChild) -> None:
        if child.console in self._readers:
            self._unwatch(child.console)
        child.forget_console()

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

    def _runtime_ended(self, child: ExecChild, status: int) -> None:
        if not child.runtime_ended(status):
            self._fail(child, "")
            return
        if child.ends or not child.terminal:
            self._tell_of_start(child)
        if child.pid in self._early:
            self._process_ended(child, self._early.pop(child.pid))
        else:
            self._processes[child.pid] = child

    def _tell_of_start(self, child: ExecChild) -> None:
        if peer := self._asked_by.pop(child, None):
            peer.tell(child.describe(), child.ends if child.terminal else [])

    def _fail(self, child: ExecChild, why: str) -> None:
        self._asked_by[child].tell({"id": child.id, "failed": why})
        self._forget(child)

    def _process_ended(self, child: ExecChild, status: int) -> None:
        self._tell_of_start(child)  # a terminal that never came holds up nobody
        child.process_ended(status)
        self._forget(child)

    def _forget(self, child: ExecChild) -> None:
        del self._execs[child.id]
        self._asked_by.pop(child, None)
        self._drop_console(child)
        child.close()


def _next_ended() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def main(path: str) -> None:
    listener = listen_and_detach(path, socket.SOCK_SEQPACKET)
    syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)
    ExecMonitor(listener).run()
    forget_listener(path)


if __name__ == "__main__":
    main(sys.argv[1])
