"""One connection to conmon's attach socket: the engine holds one per run and fans out to its clients.

A packet is one byte of stream number and at most 8 KB of data. The socket's path may exceed a socket address,
so it is reached through /proc/self/fd. conmon closes the container's stdin when a client leaves.
"""

import asyncio
import os
import socket
from pathlib import Path

from seaway.runtime.channel import Output

PACKET = 8192
BATCH = 256 << 10
_STREAMS = {2: 1, 3: 2}  # conmon's pipe numbers -> Docker's stdout, stderr


class AttachChannel:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._closed, self._senders = False, 0
        self._next: bytes | None = None  # read too early: of the other stream, or the end

    @classmethod
    async def connect(cls, run_dir: Path) -> "AttachChannel":
        """Raises FileNotFoundError or ConnectionRefusedError when conmon is gone."""
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        directory = os.open(run_dir, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            connection.setblocking(False)
            connection.connect(f"/proc/self/fd/{directory}/attach")
        except BaseException:
            connection.close()
            raise
        finally:
            os.close(directory)
        return cls(connection)

    async def recv(self) -> Output | None:
        """The next output, of one stream, as much of it as there is up to BATCH; None at the end."""
        packet = self._next or await self._wait()
        if not packet:
            return None
        number, parts, size = packet[0], [packet[1:]], len(packet) - 1
        self._next = None
        while size < BATCH and (more := self._try()) is not None:
            if not more or more[0] != number:
                self._next = more
                break
            parts.append(more[1:])
            size += len(more) - 1
        return Output(_STREAMS.get(number, 1), parts[0] if len(parts) == 1 else b"".join(parts))

    async def _wait(self) -> bytes:
        while self._next is None:
            try:
                return await asyncio.get_running_loop().sock_recv(self._socket, PACKET + 1)
            except ConnectionResetError:
                pass  # stdin was left unread; what the container wrote is still queued
        return self._next

    def _try(self) -> bytes | None:
        """A packet that is there already."""
        try:
            return self._socket.recv(PACKET + 1)
        except (BlockingIOError, ConnectionResetError):
            return None

    async def send(self, data: bytes) -> None:
        """To stdin. Raises BrokenPipeError or ConnectionResetError when the container has ended."""
        if self._closed:
            raise BrokenPipeError("the process has ended")
        loop = asyncio.get_running_loop()
        view = memoryview(data)
        self._senders += 1
        try:
            for start in range(0, len(view), PACKET):
                await loop.sock_sendall(self._socket, view[start : start + PACKET])
        finally:
            self._senders -= 1
            self._release()

    def close_stdin(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended by itself

    def close(self) -> None:
        """Who sends just now hears that nobody listens; only then is the descriptor free for others."""
        self._closed = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # conmon was first
        self._release()

    def _release(self) -> None:
        if self._closed and not self._senders:
            self._socket.close()
