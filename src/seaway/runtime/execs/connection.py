"""Packets of JSON with descriptors beside them, to the exec monitor and back."""

import asyncio
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seaway.runtime.execs.peer import MOST_FDS, PACKET


@dataclass(frozen=True, slots=True)
class Packet:
    """`fds` are the receiver's to close."""

    about: dict[str, Any]
    fds: list[int]

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class _Letter:
    packet: bytes
    fds: Sequence[int]
    sent: "asyncio.Future[None]"


class MonitorConnection:
    """`hear` is called with each packet, `lost` once when the monitor has gone. `monitor_pid` from `connect` on."""

    def __init__(self, socket_path: Path, hear: Callable[[Packet], None], lost: Callable[[], None]) -> None:
        self._path, self._hear, self._tell_lost = socket_path, hear, lost
        self._socket: socket.socket | None = None
        self._greeted: asyncio.Future[int | None] | None = None
        self._letters: deque[_Letter] = deque()
        self.monitor_pid = 0

    async def connect(self) -> bool:
        """To one that answers: a dying one may still take connections."""
        if self._socket:
            return True
        self._socket = _connected(self._path)
        if not self._socket:
            return False
        loop = asyncio.get_running_loop()
        self._greeted = loop.create_future()
        loop.add_reader(self._socket.fileno(), self._receive)
        greeting = await self._greeted
        self.monitor_pid = greeting or 0
        return greeting is not None

    def send(self, message: Mapping[str, Any], fds: Sequence[int] = ()) -> "asyncio.Future[None]":
        """Done once it has left: `fds` stay open until then. Without a monitor there is nobody to be told."""
        letter = _Letter(json.dumps(message).encode(), fds, asyncio.get_running_loop().create_future())
        if self._socket:
            self._letters.append(letter)
            if len(self._letters) == 1:
                self._post()
        else:
            letter.sent.set_result(None)
        return letter.sent

    def close(self) -> None:
        if not self._socket:
            return
        loop, fd = asyncio.get_running_loop(), self._socket.fileno()
        loop.remove_reader(fd)
        loop.remove_writer(fd)
        self._socket.close()
        self._socket = None
        for letter in self._letters:
            if not letter.sent.done():
                letter.sent.set_result(None)
        self._letters.clear()
        if self._greeted and not self._greeted.done():
            self._greeted.set_result(None)
        self._tell_lost()

    def _post(self) -> None:
        """As much as the monitor takes now; the rest when it has room."""
        assert self._socket
        loop, fd = asyncio.get_running_loop(), self._socket.fileno()
        try:
            while self._letters:
                letter = self._letters[0]
                if not letter.sent.cancelled():
                    socket.send_fds(self._socket, [letter.packet], letter.fds)
                    letter.sent.set_result(None)
                self._letters.popleft()
        except BlockingIOError:
            loop.add_writer(fd, self._post)
        except (BrokenPipeError, ConnectionResetError):
            self.close()
        else:
            loop.remove_writer(fd)

    def _receive(self) -> None:
        while self._socket:
            try:
                data, fds, _, _ = socket.recv_fds(self._socket, PACKET, MOST_FDS, socket.MSG_CMSG_CLOEXEC)
            except BlockingIOError:
                return
            except ConnectionError:
                data, fds = b"", []
            if not data:
                self.close()
                return
            packet = Packet(json.loads(data), list(fds))
            if self._greeted and not self._greeted.done():
                self._greeted.set_result(packet.about["monitor"])
            else:
                self._hear(packet)


def _connected(path: Path) -> socket.socket | None:
    """The whole path may be longer than a socket's address can be."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{directory}/{path.name}")
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    finally:
        os.close(directory)
    connection.setblocking(False)
    return connection
