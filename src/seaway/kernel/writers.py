"""Threads beside the parser of a tar."""

import queue
import threading
from collections.abc import Callable
from functools import partial
from typing import ParamSpec

P = ParamSpec("P")


class Writers:
    """Threads that write small files, for to make one is the kernel's work. A failure is raised by the next call.
    They end with `close`."""

    def __init__(self, threads: int = 2) -> None:
        self._queue: queue.Queue[Callable[[], None] | None] = queue.Queue(64)
        self._failure: BaseException | None = None
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in self._threads:
            thread.start()

    def put(self, write: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> None:
        if self._failure:
            raise self._failure
        self._queue.put(partial(write, *args, **kwargs))

    def drain(self) -> None:
        """Wait until all that was put is on the filesystem."""
        self._queue.join()
        if self._failure:
            raise self._failure

    def close(self) -> None:
        """What was put is done, or was given up after a failure."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            try:
                if not self._failure:
                    job()
            except BaseException as exc:
                self._failure = exc
            finally:
                self._queue.task_done()
        self._queue.task_done()
