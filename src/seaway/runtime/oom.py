"""Tells when the kernel kills for memory, while the container runs.

On cgroup v2 the count in `memory.events` is watched: conmon gives up its own watch of it at the first change that is
no kill. On v1 conmon is told by an eventfd, and opens the file `oom` in the directory of the run each time.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncinotify import Inotify, Mask, Watch

from seaway.kernel.memorykills import read_count
from seaway.runtime.bundle import RunDirectory

V2_COUNTER = "memory.events"


@dataclass(slots=True)
class _Watched:
    tell: Callable[[], None]
    counter: Path | None
    seen: int = 0


class OomWatcher:
    """One inotify descriptor for all runs. `run` is a task of the engine's."""

    def __init__(self) -> None:
        self._inotify = Inotify()
        self._watched: dict[Watch, _Watched] = {}

    def watch(
        self,
        directory: RunDirectory,
        counter: Path | None,
        until: "asyncio.Future[Any]",
        tell: Callable[[], None],
        *,
        is_told: bool,
    ) -> None:
        """`tell` is called for each kill until the future is done: at once for one that was before, unless told."""
        if until.done():
            return
        if counter and counter.name == V2_COUNTER:
            watched, path, mask = _Watched(tell, counter), counter, Mask.MODIFY
        else:
            watched, path, mask = _Watched(tell, None), directory.path, Mask.OPEN
        try:
            watch = self._inotify.add_watch(path, mask)
        except OSError:
            return  # it has ended: what is counted at the end counts
        self._watched[watch] = watched
        until.add_done_callback(lambda _done: self._forget(watch))
        if watched.counter and is_told:
            watched.seen = read_count(watched.counter) or 0
        elif watched.counter:
            self._look(watched)
        elif directory.was_out_of_memory() and not is_told:
            tell()

    async def run(self) -> None:
        with self._inotify:
            while True:
                event = await self._inotify.get()
                watched = self._watched.get(event.watch) if event.watch else None
                if watched and watched.counter:
                    self._look(watched)
                elif watched and event.name and event.name.name == "oom":
                    watched.tell()

    @staticmethod
    def _look(watched: _Watched) -> None:
        count = (watched.counter and read_count(watched.counter)) or 0
        if count > watched.seen:
            watched.seen = count
            watched.tell()

    def _forget(self, watch: Watch) -> None:
        if self._watched.pop(watch, None):
            try:
                self._inotify.rm_watch(watch)
            except (OSError, ValueError):
                pass  # the file went away, and its watch with it, or the engine ends
