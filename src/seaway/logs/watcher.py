"""One inotify instance for the spools of all containers."""

import asyncio
from pathlib import Path

from asyncinotify import Inotify, Mask, Watch

_MASK = Mask.MODIFY | Mask.CREATE | Mask.MOVED_TO


class SpoolWatcher:
    """`watch` gives an event that is set whenever a file named `log` in that directory has changed."""

    def __init__(self) -> None:
        self._inotify = Inotify()
        self._watches: dict[Path, tuple[Watch, list[asyncio.Event]]] = {}

    def watch(self, directory: Path) -> asyncio.Event:
        if directory not in self._watches:
            self._watches[directory] = (self._inotify.add_watch(directory, _MASK), [])
        changed = asyncio.Event()
        self._watches[directory][1].append(changed)
        return changed

    def unwatch(self, directory: Path) -> None:
        watch, waiting = self._watches.pop(directory, (None, []))
        for changed in waiting:
            changed.set()
        if watch:
            try:
                self._inotify.rm_watch(watch)
            except OSError:
                pass  # the kernel dropped it together with the directory

    async def run(self) -> None:
        by_watch = self._watches
        async for event in self._inotify:
            if event.watch and event.name and str(event.name) == "log" and (found := by_watch.get(event.watch.path)):
                for changed in found[1]:
                    changed.set()

    def close(self) -> None:
        self._inotify.close()
