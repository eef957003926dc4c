"""Threads beside the parser of a layer's tar."""

import queue
import threading
from collections.abc import Callable, Iterable

from seaway.kernel.tar import TarEntry

WRITERS = 2


class Writers:
    """Threads that write small files, for to make one is the kernel's work. A failure is raised by the next call."""

    def __init__(self, write: Callable[[bytes, TarEntry, Iterable[bytes]], None]) -> None:
        self._write = write
        self._queue: queue.Queue[tuple[bytes, TarEntry, Iterable[bytes]]] = queue.Queue(64)
        self._failure: BaseException | None = None
        for _ in range(WRITERS):
            threading.Thread(target=self._work, daemon=True).start()

    def put(self, path: bytes, entry: TarEntry, content: Iterable[bytes]) -> None:
        if self._failure:
            raise self._failure
        self._queue.put((path, entry, content))

    def drain(self) -> None:
        """Wait until all that was put is on the filesystem."""
        self._queue.join()
        if self._failure:
            raise self._failure

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            try:
                self._write(*job)
            except BaseException as exc:
                self._failure = exc
            finally:
                self._queue.task_done()
