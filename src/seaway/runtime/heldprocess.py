"""The process of an exec as a pipe: its runtime is called early, and waits in its own start until it is told.

A runtime qualifies that opens the file once and reads it to its end, before it enters the container: crun and runc.
When the engine dies, the runtime reads an empty document and ends.
"""

import asyncio
import os

QUALIFIED = frozenset(("crun", "runc"))


class HeldProcess:
    """A runtime that comes late finds what was given: unlike a FIFO, a pipe keeps it without a writer."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._rest = memoryview(b"")

    @property
    def path(self) -> str:
        """The file that the runtime is to read. It blocks: a descriptor's flags are not those of the one made of it."""
        return f"/proc/{os.getpid()}/fd/{self._read}"

    def give(self, document: bytes) -> None:
        """Goes on behind the return where the pipe does not hold all of it. Close it where the runtime has ended."""
        self._rest = memoryview(document)
        self._write_on()
        if self._rest:
            asyncio.get_running_loop().add_writer(self._write, self._write_on)

    def _write_on(self) -> None:
        try:
            self._rest = self._rest[os.write(self._write, self._rest) :]
        except BlockingIOError:
            return
        if not self._rest:
            self._end_of_document()

    def _end_of_document(self) -> None:
        if self._write >= 0:
            asyncio.get_running_loop().remove_writer(self._write)
            os.close(self._write)
            self._write = -1

    def close(self) -> None:
        self._end_of_document()
        if self._read >= 0:
            os.close(self._read)
            self._read = -1
