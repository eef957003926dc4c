"""One connection to conmon's attach socket: the engine holds one per run and fans out to its clients.

A packet is one byte of stream number and at most 8 KB of data. The socket's path may exceed a socket address,
so it is reached through /proc/self/fd. conmon closes the container's stdin when a client leaves.
"""

import asyncio
import os
import socket
from pathlib import Path
from typing import NamedTuple

PACKET = 8192
_STREAMS = {2: 1, 3: 2}  # conmon's pipe numbers -> Docker's stdout, stderr


class Output(NamedTuple):
    stream: int
    data: bytes


class AttachChannel:
    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection

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
        """The next piece of output; None at the end."""
        while True:
            try:
                packet = await asyncio.get_running_loop().sock_recv(self._socket, PACKET + 1)
            except ConnectionResetError:
                continue  # stdin was left unread; what the container wrote is still queued
            if not packet:
                return None
            return Output(_STREAMS.get(packet[0], 1), packet[1:])

    async def send(self, data: bytes) -> None:
        """To stdin. Raises BrokenPipeError or ConnectionResetError when the container has ended."""
        loop = asyncio.get_running_loop()
        view = memoryview(data)
        for start in range(0, len(view), PACKET):
            await loop.sock_sendall(self._socket, view[start : start + PACKET])

    def close_stdin(self) -> None:
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has ended by itself

    def close(self) -> None:
        self._socket.close()
