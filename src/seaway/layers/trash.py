"""Removal in two steps: one rename takes a tree out of sight, and its files go behind the caller's back."""

from pathlib import Path

from seaway.base.supervisor import Supervisor
from seaway.kernel.files import empty_trash, move_to_trash
from seaway.kernel.worker import run_blocking


class Trash:
    """A folder on the same filesystem. What an earlier engine left there goes too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._background = Supervisor()

    async def discard(self, tree: Path) -> None:
        if await run_blocking(move_to_trash, tree, self._path):
            self._background.spawn(run_blocking(empty_trash, self._path), f"empty {self._path}")

    async def close(self) -> None:
        await self._background.drain(timeout_s=60)
