"""Tars between clients and threads that read or write trees: through a pipe, so that memory stays bounded."""

import asyncio
import io
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from seaway.content.compression import decompressed
from seaway.kernel import pipes, worker
from seaway.kernel.untar import Rules, Untar


@asynccontextmanager
async def reading_tar(write: Callable[[int], None]) -> AsyncIterator[AsyncIterator[bytes]]:
    """What `write` puts into the pipe, whose end it closes. Leaving the block early ends it by BrokenPipeError."""
    reader, writer = pipes.wide_pipe()
    os.set_blocking(reader, False)
    writing = worker.apart(write, writer)
    writing.add_done_callback(_retrieve)  # a second cancellation may end the wait for it below

    async def pieces() -> AsyncIterator[bytes]:
        while piece := await pipes.read_pipe(reader):
            yield piece
        await writing

    try:
        yield pieces()
    finally:
        os.close(reader)
        await asyncio.wait([writing])
        with suppress(OSError):
            writing.result()  # `pieces` raised it, unless the client left before


async def unpack(root: int, destination: str, rules: Rules, content: AsyncIterator[bytes]) -> None:
    """A tar, compressed or not, into `destination` inside the directory `root`. Raises OSError, BadTar, Refused."""
    reader, writer = pipes.wide_pipe()
    os.set_blocking(writer, False)
    unpacking = worker.apart(_untar, root, destination, rules, reader)
    unpacking.add_done_callback(_retrieve)
    try:
        async for piece in decompressed(content):
            await pipes.write_pipe(writer, piece)
    except BrokenPipeError:
        pass  # it ended before the stream did; its result says how
    finally:
        os.close(writer)
        await asyncio.wait([unpacking])
    unpacking.result()


def _retrieve(done: "asyncio.Future[None]") -> None:
    """asyncio logs an exception that nobody asked for."""
    if not done.cancelled():
        done.exception()


def _untar(root: int, destination: str, rules: Rules, reader: int) -> None:
    with io.BufferedReader(io.FileIO(reader, "rb"), pipes.CAPACITY) as stream:
        Untar(root, destination, rules).run(stream.read)
