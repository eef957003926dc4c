"""The streams of a process whose pipes, or whose terminal, the engine holds itself.

The end is the process's: its children may hold a pipe open for longer, and it may close one before. What it has
written until then is read.
"""

import asyncio
import fcntl
import os
import struct
import termios
from collections import deque
from collections.abc import Callable, Sequence

from seaway.kernel.pipes import write_pipe
from seaway.runtime.channel import Output

BATCH = 256 << 10
STDOUT, STDERR = 1, 2


class PipeChannel:
    """`outputs` are stdout and stderr, or a terminal alone, which is its own stdin. The descriptors become ours, and
    non-blocking. `when_stdin_closes` is called where others hold stdin open too."""

    def __init__(
        self, outputs: Sequence[int], stdin: int | None, when_stdin_closes: Callable[[], None] = lambda: None
    ) -> None:
        self._outputs = deque(zip(outputs, (STDOUT, STDERR), strict=False))
        self._open = [*outputs, *([] if stdin is None else [stdin])]
        self._terminal = outputs[0] if len(outputs) == 1 else None
        self._stdin = self._terminal if self._terminal is not None else stdin
        self._when_stdin_closes = when_stdin_closes
        self._ended = self._closed = False
        self._users = 0
        self._waiter: asyncio.Future[None] | None = None
        for fd in self._open:
            os.set_blocking(fd, False)

    def process_ended(self) -> None:
        self._ended = True
        self._wake()

    async def recv(self) -> Output | None:
        while True:
            has_ended = self._ended  # before the last look
            if output := self._try():
                return output
            if has_ended:
                return None
            await self._readable()

    async def send(self, data: bytes) -> None:
        if self._stdin is None or self._closed:
            raise BrokenPipeError("stdin is closed")
        self._users += 1
        try:
            await write_pipe(self._stdin, data)
        except BrokenPipeError:
            raise
        except OSError as failure:  # a terminal that has no process any more
            raise BrokenPipeError(failure.strerror) from failure
        finally:
            self._users -= 1
            self._release()

    def close_stdin(self) -> None:
        """A terminal's stays: its end is told by a character."""
        if self._stdin is not None and self._terminal is None:
            self._stdin = None
            self._release()
            self._when_stdin_closes()

    def resize(self, height: int, width: int) -> None:
        """Nothing happens without a terminal."""
        if self._terminal is not None and not self._closed:
            fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))

    def close(self) -> None:
        self._closed = True
        self._release()

    def _try(self) -> Output | None:
        """What is there now; the streams take turns."""
        for _ in range(len(self._outputs)):
            fd, stream = self._outputs[0]
            try:
                data = os.read(fd, BATCH)
            except BlockingIOError:
                self._outputs.rotate()
                continue
            except OSError:  # a terminal that nobody holds any more
                data = b""
            if data:
                self._outputs.rotate()
                return Output(stream, data)
            self._outputs.popleft()
        return None

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        watched = [fd for fd, _ in self._outputs]
        for fd in watched:
            loop.add_reader(fd, self._wake)
        try:
            await self._waiter
        finally:
            for fd in watched:
                loop.remove_reader(fd)

    def _wake(self) -> None:
        if self._waiter and not self._waiter.done():
            self._waiter.set_result(None)

    def _release(self) -> None:
        """Nobody who writes just now finds the descriptor in other hands."""
        if self._users:
            return
        kept: set[int | None] = set()
        if not self._closed:
            kept = {self._stdin, self._terminal, *(fd for fd, _ in self._outputs)}
        for fd in [fd for fd in self._open if fd not in kept]:
            self._open.remove(fd)
            os.close(fd)
