import asyncio
import os
import pty

import pytest

from seaway.runtime.execs.pipes import PipeChannel


class Process:
    """The far ends of a process's pipes."""

    def __init__(self) -> None:
        out, self.stdout = os.pipe()
        err, self.stderr = os.pipe()
        self.stdin, into = os.pipe()
        self.stdin_closes = 0
        self.channel = PipeChannel([out, err], into, self._closes)

    def _closes(self) -> None:
        self.stdin_closes += 1


async def test_both_streams_come_in_turns() -> None:
    process = Process()
    os.write(process.stdout, b"out")
    os.write(process.stderr, b"err")
    assert await process.channel.recv() == (1, b"out")
    os.write(process.stdout, b"more")
    assert await process.channel.recv() == (2, b"err")
    assert await process.channel.recv() == (1, b"more")
    process.channel.close()


async def test_the_end_is_the_processs_not_its_pipes() -> None:
    process = Process()
    os.close(process.stdout)
    os.write(process.stderr, b"last")
    os.close(process.stderr)
    assert await process.channel.recv() == (2, b"last")
    ending = asyncio.ensure_future(process.channel.recv())
    await asyncio.sleep(0.01)
    assert not ending.done()
    process.channel.process_ended()
    assert await ending is None
    process.channel.close()


async def test_what_was_said_before_the_end_is_read_though_a_child_holds_the_pipe() -> None:
    process = Process()
    os.write(process.stdout, b"last words")
    process.channel.process_ended()
    assert await process.channel.recv() == (1, b"last words")
    assert await process.channel.recv() is None
    process.channel.close()


async def test_the_end_of_stdin() -> None:
    process = Process()
    await process.channel.send(b"in")
    process.channel.close_stdin()
    process.channel.close_stdin()
    assert (os.read(process.stdin, 10), os.read(process.stdin, 10)) == (b"in", b"")
    assert process.stdin_closes == 1
    with pytest.raises(BrokenPipeError):
        await process.channel.send(b"more")
    process.channel.close()


async def test_stdin_ends_after_what_is_under_way() -> None:
    process = Process()
    sending = asyncio.ensure_future(process.channel.send(b"x" * (1 << 20)))
    await asyncio.sleep(0)
    process.channel.close_stdin()
    heard = 0
    while piece := await asyncio.to_thread(os.read, process.stdin, 1 << 16):
        heard += len(piece)
    await sending
    assert heard == 1 << 20
    process.channel.close()


async def test_a_terminal_is_its_own_stdin_and_has_a_size() -> None:
    master, slave = pty.openpty()
    channel = PipeChannel([master], None)
    channel.resize(33, 99)
    assert os.get_terminal_size(slave) == (99, 33)
    channel.close_stdin()
    await channel.send(b"typed\n")
    assert os.read(slave, 10) == b"typed\n"
    assert await channel.recv() == (1, b"typed\r\n")
    os.close(slave)
    channel.process_ended()
    assert await channel.recv() is None
    with pytest.raises(BrokenPipeError):
        channel.close()
        await channel.send(b"late")
