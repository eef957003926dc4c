"""Has the client ended its side, or has it gone? Both look the same to a reader; a unix socket can tell.

When a unix socket's peer has closed, poll reports a hang-up; when it has only ended its side, it does not. Over TCP
the two cannot be told apart before something is written.
"""

import asyncio
import select
import socket
from collections.abc import Callable

INTERVAL_S = 1.0


def is_unix(transport: asyncio.BaseTransport) -> bool:
    sock = transport.get_extra_info("socket")
    return sock is not None and sock.family == socket.AF_UNIX


def is_gone(transport: asyncio.BaseTransport) -> bool:
    sock = transport.get_extra_info("socket")
    if sock is None or (fd := sock.fileno()) < 0:
        return True
    poll = select.poll()
    poll.register(fd, 0)
    return any(events & (select.POLLHUP | select.POLLERR) for _, events in poll.poll(0))


def call_when_gone(transport: asyncio.BaseTransport, callback: Callable[[], None]) -> None:
    """Watch a client that has ended its side. No event tells the rest: the loop no longer reads the socket."""
    if transport.is_closing():
        return
    if is_gone(transport):
        callback()
    else:
        asyncio.get_running_loop().call_later(INTERVAL_S, call_when_gone, transport, callback)
