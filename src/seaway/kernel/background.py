"""A process of ours that outlives the engine: it listens on a Unix socket, then goes to the background.

Whoever started it may connect as soon as that returns. Standard library only: it has to start fast and stay small.
"""

import contextlib
import os
import socket


def listen_and_detach(path: str, kind: socket.SocketKind = socket.SOCK_STREAM) -> socket.socket:
    """In the background process, the listener; the one that was called has ended."""
    close_inherited()
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX, kind)
    listener.bind(path)
    os.chmod(path, 0o600)
    listener.listen()
    if os.fork():
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.chdir("/")
    return listener


def close_inherited() -> None:
    """uvloop starts a program with copies of its pipes; holding them keeps the engine waiting for their end."""
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            with contextlib.suppress(OSError):
                os.close(int(name))


def forget_listener(path: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
