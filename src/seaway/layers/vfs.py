"""The storage driver vfs: every layer is a full copy of its parent, so it works on any filesystem.

vfs/dir/<cache id>/     the whole filesystem of this layer; a copy shares blocks where the filesystem can (reflink)
vfs/.seaway-trash/      removed layers whose files are still going
vfs/backingFsBlockDev   the filesystem's device, once a layer was limited; the copy of the image counts
"""

import os
from pathlib import Path

from seaway.kernel.process import CommandFailed, run
from seaway.kernel.quota import ProjectQuotas
from seaway.kernel.worker import run_blocking
from seaway.layers.driver import StorageError, Whiteouts
from seaway.layers.trash import Trash
from seaway.layers.usage import disk_usage, filesystem_name

_NO_QUOTAS = "Filesystem does not support, or has not enabled quotas"


class Vfs:
    name = "vfs"
    whiteouts: Whiteouts = "plain"

    def __init__(self, home: Path, owner: tuple[int, int] = (0, 0), limit_bytes: int = 0) -> None:
        """Layers belong to `owner`, who is root in the containers; a container's holds `limit_bytes`, if not 0."""
        self._home, self._owner = home, owner
        (home / "dir").mkdir(mode=0o710, parents=True, exist_ok=True)
        for directory in (home, home / "dir"):
            os.chown(directory, -1, owner[1])
        self._trash = Trash(home / ".seaway-trash")
        self._quotas, self._limit = ProjectQuotas(home), limit_bytes
        if limit_bytes and not self._quotas.supported():
            raise StorageError(f"failed to set option size for vfs: {_NO_QUOTAS}")

    async def create(self, cache_id: str, parent: str | None) -> None:
        await self._create(cache_id, parent, 0)

    async def create_rw(self, cache_id: str, parent: str | None, limit_bytes: int | None = None) -> None:
        if limit_bytes is not None and not await run_blocking(self._quotas.supported):
            raise StorageError(_NO_QUOTAS)
        await self._create(cache_id, parent, self._limit if limit_bytes is None else limit_bytes)

    async def _create(self, cache_id: str, parent: str | None, limit_bytes: int) -> None:
        path = self.layer_dir(cache_id)
        try:
            await run_blocking(os.mkdir, path)
            path.chmod(0o755)
            os.chown(path, *self._owner)
            if limit_bytes:
                await run_blocking(self._quotas.limit, path, limit_bytes)
            if parent:
                await run(["cp", "-a", "--reflink=auto", f"{self.layer_dir(parent)}/.", str(path)])
        except (OSError, CommandFailed) as exc:
            if not isinstance(exc, FileExistsError):
                await self.remove(cache_id)
            raise StorageError(f"vfs: create {cache_id}: {exc}") from exc

    async def put_on(self, cache_id: str, parent: str) -> None:
        raise StorageError(f"vfs: {cache_id} is a copy of its parent from the beginning")

    async def remove(self, cache_id: str) -> None:
        await self._trash.discard(self.layer_dir(cache_id))

    def exists(self, cache_id: str) -> bool:
        return self.layer_dir(cache_id).is_dir()

    def layer_dir(self, cache_id: str) -> Path:
        return self._home / "dir" / cache_id

    def lower_dirs(self, cache_id: str) -> list[Path]:
        return []

    async def mount(self, cache_id: str, label: str = "") -> Path:
        if not self.exists(cache_id):
            raise StorageError(f"vfs: mount {cache_id}: No such file or directory")
        return self.layer_dir(cache_id)

    async def unmount(self, cache_id: str) -> None:
        pass

    async def rw_size(self, cache_id: str) -> int:
        return await run_blocking(disk_usage, self.layer_dir(cache_id))

    def metadata(self, cache_id: str) -> dict[str, str]:
        return {}

    def status(self) -> list[tuple[str, str]]:
        return [("Backing Filesystem", filesystem_name(self._home))]

    async def close(self) -> None:
        await self._trash.close()
