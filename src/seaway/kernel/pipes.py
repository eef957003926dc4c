"""Pipes to and from other programs, without a thread per byte: non-blocking on the engine's end."""

import asyncio
import fcntl
import os
from collections.abc import Callable
from typing import Any

CAPACITY = 1 << 20


def wide_pipe() -> tuple[int, int]:
    """(reader, writer), both blocking; holds a megabyte where the system lets it."""
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, CAPACITY)
    except OSError:  # the user's share of pipe memory is used up: the default size works too
        pass
    return reader, writer


async def write_pipe(fd: int, data: bytes) -> None:
    """All of it. Raises BrokenPipeError when nobody reads any more. The descriptor is non-blocking."""
    loop = asyncio.get_running_loop()
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(fd, view) :]
        except BlockingIOError:
            await _ready(loop.add_writer, loop.remove_writer, fd)


async def read_pipe(fd: int, size: int = CAPACITY) -> bytes:
    """What there is, b"" at the end. The descriptor is non-blocking."""
    loop = asyncio.get_running_loop()
    while True:
        try:
            return os.read(fd, size)
        except BlockingIOError:
            await _ready(loop.add_reader, loop.remove_reader, fd)


async def _ready(watch: Callable[..., Any], unwatch: Callable[[int], Any], fd: int) -> None:
    ready = asyncio.get_running_loop().create_future()
    watch(fd, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        unwatch(fd)
