"""Carries the bytes of two TCP connections to each other inside the kernel: socket, pipe, socket (splice(2)).

Where the kernel refuses that, or there are no descriptors for a pipe, by way of memory. Standard library only: the port
proxy has to start fast and stay small.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import socket
from collections.abc import Callable

PIPE_BYTES = 1 << 20
CHUNK_BYTES = 1 << 16
SPARE_PIPES = 16
FLAGS = os.SPLICE_F_MOVE | os.SPLICE_F_NONBLOCK
REFUSED = {errno.EINVAL, errno.ENOSYS, errno.EPERM}
"""By a kernel or a sandbox that does not splice these sockets."""


class Memory:
    """What was read from one socket and is not yet written to the other. `fill` comes only when it is empty, and tells
    how many bytes came: 0 at the end. Both raise OSError; BlockingIOError where the socket is not ready."""

    def __init__(self) -> None:
        self._bytes = b""

    def __len__(self) -> int:
        return len(self._bytes)

    def fill(self, source: socket.socket) -> int:
        self._bytes = source.recv(CHUNK_BYTES)
        return len(self._bytes)

    def drain(self, sink: socket.socket) -> None:
        self._bytes = self._bytes[sink.send(self._bytes) :]

    def release(self) -> None:
        pass


class Pipe:
    """The same in the kernel."""

    def __init__(self) -> None:
        self._out, self._in = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._held = 0
        with contextlib.suppress(PermissionError):  # who is not root has only so many pages in pipes
            fcntl.fcntl(self._in, fcntl.F_SETPIPE_SZ, PIPE_BYTES)

    def __len__(self) -> int:
        return self._held

    def fill(self, source: socket.socket) -> int:
        self._held = os.splice(source.fileno(), self._in, PIPE_BYTES, flags=FLAGS)
        return self._held

    def drain(self, sink: socket.socket) -> None:
        self._held -= os.splice(self._out, sink.fileno(), self._held, flags=FLAGS)

    def release(self) -> None:
        """For the next one, if it is empty."""
        if self._held or len(_spare) >= SPARE_PIPES:
            os.close(self._out)
            os.close(self._in)
        else:
            _spare.append(self)


_spare: list[Pipe] = []


def _take_pipe() -> Pipe | Memory:
    if _spare:
        return _spare.pop()
    try:
        return Pipe()
    except OSError:  # no descriptors left
        return Memory()


class Direction:
    """From `source` to `sink`, until `ended`: at the source's end, which is passed on, or when one of them breaks. The
    source is not read while the sink takes no more. There is a pipe only while something is in it, so an idle
    connection costs none."""

    reverse: "Direction"

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self._source, self._sink = source, sink
        self._loop = asyncio.get_running_loop()
        self._take: Callable[[], Pipe | Memory] = _take_pipe
        self._held: Pipe | Memory | None = None
        self._waiting = False
        self.ended = self._loop.create_future()
        self._loop.add_reader(source, self._read)

    def stop(self) -> None:
        self._loop.remove_reader(self._source)
        self._loop.remove_writer(self._sink)
        self._release()
        if not self.ended.done():
            self.ended.set_result(None)

    def _read(self) -> None:
        """Comes only while nothing is held."""
        self._held = self._take()
        try:
            count = self._held.fill(self._source)
        except OSError as failed:
            self._release()
            self._could_not_read(failed)
        else:
            self._write() if count else self._end()

    def _could_not_read(self, failed: OSError) -> None:
        if isinstance(failed, BlockingIOError):
            return
        if failed.errno in REFUSED and self._take is _take_pipe:
            self._take = Memory  # the source is still readable: the loop calls again
        else:
            self.reverse.stop()
            self._end()

    def _end(self) -> None:
        with contextlib.suppress(OSError):
            self._sink.shutdown(socket.SHUT_WR)
        self.stop()

    def _write(self) -> None:
        assert self._held
        try:
            self._held.drain(self._sink)
        except BlockingIOError:
            pass
        except OSError:
            self.stop()
            return
        if not self._held:
            self._release()
        self._wait(for_sink=bool(self._held))

    def _wait(self, *, for_sink: bool) -> None:
        if for_sink == self._waiting:
            return
        self._waiting = for_sink
        if for_sink:
            self._loop.remove_reader(self._source)
            self._loop.add_writer(self._sink, self._write)
        else:
            self._loop.remove_writer(self._sink)
            self._loop.add_reader(self._source, self._read)

    def _release(self) -> None:
        if self._held is not None:
            self._held.release()
            self._held = None


async def relay(front: socket.socket, back: socket.socket) -> None:
    """Until both have ended, or one breaks. Both are non-blocking, and the caller's to close."""
    there, back_again = Direction(front, back), Direction(back, front)
    there.reverse, back_again.reverse = back_again, there
    try:
        await asyncio.wait([there.ended, back_again.ended])
    finally:
        there.stop()
        back_again.stop()
