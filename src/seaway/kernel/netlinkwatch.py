"""The kernel's own notifications about a network namespace: that of whoever enters the watch."""

import asyncio
import errno
import socket
from collections.abc import Callable
from types import TracebackType


class NetlinkWatch:
    """`groups` is the mask of what to hear of; `matters` judges each datagram."""

    def __init__(self, family: int, groups: int, matters: Callable[[bytes], bool]) -> None:
        self._family, self._groups, self._matters = family, groups, matters

    def __enter__(self) -> "NetlinkWatch":
        kind = socket.SOCK_RAW | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC
        self._socket = socket.socket(socket.AF_NETLINK, kind, self._family)
        self._socket.bind((0, self._groups))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    async def wait_deleted(self) -> None:
        """Returns too when the kernel dropped notifications: they may have been of that kind."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = await loop.sock_recv(self._socket, 1 << 16)
            except OSError as lost:
                if lost.errno != errno.ENOBUFS:
                    raise
                return
            if self._matters(data):
                return
