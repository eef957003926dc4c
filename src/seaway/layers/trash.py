"""Removal in two steps: one rename takes a tree out of sight, and its files go behind the caller's back."""

import shutil
from pathlib import Path

from seaway.base.supervisor import Supervisor
from seaway.kernel.files import move_to_trash
from seaway.kernel.worker import run_blocking


class Trash:
    """A folder on the same filesystem. What an earlier engine left there goes with the first `discard`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._background = Supervisor()

    async def discard(self, tree: Path) -> None:
        if await run_blocking(move_to_trash, tree, self._path):
            self._background.spawn(run_blocking(self._empty), f"empty {self._path}")

    async def close(self) -> None:
        await self._background.drain(timeout_s=60)

    def _empty(self) -> None:
        for tree in self._path.iterdir():
            shutil.rmtree(tree, ignore_errors=True)
