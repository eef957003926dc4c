"""An engine as the exec monitor has it: packets of JSON with descriptors beside them. Standard library only."""

import array
import contextlib
import json
import socket
from typing import Any

MOST_FDS = 6
PACKET = 1 << 17
"""Bytes."""


class Peer:
    """`tell` loses a message to an engine that has gone; `hear` is to be called when `fd` is readable."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection: socket.socket | None = connection
        self.fd = connection.fileno()

    def tell(self, message: dict[str, Any], fds: list[int] | None = None) -> None:
        if self._connection:
            # An engine that was killed meanwhile is not there to hear it; the next one asks.
            with contextlib.suppress(OSError):
                socket.send_fds(self._connection, [json.dumps(message).encode()], fds or [])

    def hear(self) -> tuple[bytes, list[int]]:
        """Empty when it has gone."""
        assert self._connection
        fds = array.array("i")
        space = socket.CMSG_SPACE(MOST_FDS * fds.itemsize)
        try:
            packet, control, _, _ = self._connection.recvmsg(PACKET, space, socket.MSG_CMSG_CLOEXEC)
        except ConnectionError:
            return b"", []
        for level, kind, data in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fds.frombytes(data)
        return packet, list(fds)

    def close(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
