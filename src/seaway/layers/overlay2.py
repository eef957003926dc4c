"""The storage driver overlay2, with dockerd's layout on disk:

    overlay2/l/<26 letters>         -> ../<cache id>/diff     short names, for a mount's options must fit in a page
    overlay2/<cache id>/diff/       what this layer holds (0755); the directory above it is 0710
                        link        its short name
                        lower       its parents' as `l/A:l/B`, nearest first; a base layer has none
                        work/       overlayfs' own (0700); a base layer has none
                        committed   empty; there since the layer became a parent
                        merged/     only while mounted
    overlay2/backingFsBlockDev      the filesystem's device, once a layer was limited
    overlay2/.seaway-trash/         removed layers whose files are still going

A layer is there when its `l/` link is: that is made last, and removed first.
"""

import os
import secrets
import shutil
from base64 import b32encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from seaway.kernel.mount import is_mount_point, mount_overlay, unmount
from seaway.kernel.placement import make_directory_apart
from seaway.kernel.quota import ProjectQuotas
from seaway.kernel.selinux import context_option
from seaway.kernel.worker import run_blocking
from seaway.layers.driver import StorageError, Whiteouts
from seaway.layers.overlayoptions import overlay_options, whole_upper_options
from seaway.layers.trash import Trash
from seaway.layers.usage import disk_usage, filesystem_name

MAX_LOWERS = 128
T = TypeVar("T")


def new_link_name() -> str:
    return b32encode(secrets.token_bytes(17)).decode()[:26]


class Overlay2:
    name = "overlay2"
    whiteouts: Whiteouts = "overlay"

    def __init__(self, home: Path, owner: tuple[int, int] = (0, 0), limit_bytes: int = 0) -> None:
        """Layers belong to `owner`, who is root in the containers; a container's holds `limit_bytes`, if not 0."""
        self._home, self._owner = home, owner
        home.mkdir(mode=0o710, parents=True, exist_ok=True)
        os.chown(home, -1, owner[1])
        (home / "l").mkdir(mode=0o700, exist_ok=True)
        self._trash = Trash(home / ".seaway-trash")
        self._features = whole_upper_options(Path("/sys/module/overlay/parameters"))
        self._quotas, self._limit = ProjectQuotas(home), limit_bytes
        if limit_bytes and not self._quotas.supported():
            text = "Storage Option overlay2.size only supported for backingFS XFS"
            raise StorageError(f"{text}. Found {filesystem_name(home)}")

    async def create(self, cache_id: str, parent: str | None) -> None:
        await self._guarded("create", cache_id, partial(self._create, cache_id, parent, make_directory_apart))

    async def put_on(self, cache_id: str, parent: str) -> None:
        await self._guarded("put on its parent", cache_id, partial(self._put_on, cache_id, parent))

    async def create_rw(self, cache_id: str, parent: str | None, limit_bytes: int | None = None) -> None:
        """Beside its neighbours: few files are expected, and a group of its own costs a millisecond."""
        if limit_bytes is not None and not await run_blocking(self._quotas.supported):
            raise StorageError("--storage-opt is supported only for overlay over xfs with 'pquota' mount option")
        limit = self._limit if limit_bytes is None else limit_bytes
        await self._guarded("create", cache_id, partial(self._create, cache_id, parent, os.mkdir, limit))

    async def remove(self, cache_id: str) -> None:
        await self._guarded("remove", cache_id, partial(self._forget, cache_id))
        await self._trash.discard(self._home / cache_id)

    def exists(self, cache_id: str) -> bool:
        return (self._home / cache_id / "link").exists()

    def layer_dir(self, cache_id: str) -> Path:
        return self._home / cache_id / "diff"

    def lower_dirs(self, cache_id: str) -> list[Path]:
        short_names = (self._home / short for short in self._lower(cache_id))
        return [Path(os.path.normpath(self._home / "l" / os.readlink(short))) for short in short_names]

    async def mount(self, cache_id: str, label: str = "") -> Path:
        return await self._guarded("mount", cache_id, partial(self._mount, cache_id, label))

    async def unmount(self, cache_id: str) -> None:
        await self._guarded("unmount", cache_id, partial(self._unmount, cache_id))

    async def rw_size(self, cache_id: str) -> int:
        return await self._guarded("measure", cache_id, partial(disk_usage, self.layer_dir(cache_id)))

    def metadata(self, cache_id: str) -> dict[str, str]:
        directory = self._home / cache_id
        lowers = [str(lower) for lower in self.lower_dirs(cache_id)]
        data = {"LowerDir": ":".join(lowers)} if lowers else {}
        return data | {
            "MergedDir": str(directory / "merged"),
            "UpperDir": str(directory / "diff"),
            "WorkDir": str(directory / "work"),
        }

    def status(self) -> list[tuple[str, str]]:
        return [
            ("Backing Filesystem", filesystem_name(self._home)),
            ("Supports d_type", "true"),
            ("Using metacopy", "false"),
            ("Native Overlay Diff", "true"),
            ("userxattr", "false"),
        ]

    async def close(self) -> None:
        await self._trash.close()

    async def _guarded(self, verb: str, cache_id: str, work: Callable[[], T]) -> T:
        try:
            return await run_blocking(work)
        except OSError as exc:
            raise StorageError(f"overlay2: {verb} {cache_id}: {exc.strerror or exc}") from exc

    def _create(self, cache_id: str, parent: str | None, make: Callable[[Path], None], limit_bytes: int = 0) -> None:
        directory = self._home / cache_id
        directory.mkdir(mode=0o710)
        try:
            if limit_bytes:
                self._quotas.limit(directory, limit_bytes)
            os.chown(directory, -1, self._owner[1])
            make(directory / "diff")
            _give(directory / "diff", 0o755, self._owner)
            link = new_link_name()
            (directory / "link").write_text(link)
            if parent:
                self._put_on(cache_id, parent)
            os.symlink(f"../{cache_id}/diff", self._home / "l" / link)
        except BaseException:
            shutil.rmtree(directory, ignore_errors=True)
            raise

    def _put_on(self, cache_id: str, parent: str) -> None:
        (self._home / cache_id / "lower").write_text(":".join(self._lowers_above(parent)))
        work = self._home / cache_id / "work"
        work.mkdir()
        _give(work, 0o700, self._owner)
        (self._home / parent / "committed").touch(mode=0o600)

    def _lower(self, cache_id: str) -> list[str]:
        try:
            return (self._home / cache_id / "lower").read_text().split(":")
        except FileNotFoundError:
            return []

    def _lowers_above(self, parent: str) -> list[str]:
        lower = [f"l/{(self._home / parent / 'link').read_text()}", *self._lower(parent)]
        if len(lower) > MAX_LOWERS:
            raise StorageError("max depth exceeded")
        return lower

    def _forget(self, cache_id: str) -> None:
        self._unmount(cache_id)
        try:
            os.unlink(self._home / "l" / (self._home / cache_id / "link").read_text())
        except FileNotFoundError:
            pass

    def _mount(self, cache_id: str, label: str) -> Path:
        directory = self._home / cache_id
        lower = self._lower(cache_id)
        if not lower:
            os.stat(directory / "diff")
            return directory / "diff"
        merged = directory / "merged"
        if is_mount_point(merged):
            return merged
        merged.mkdir(mode=0o710, exist_ok=True)
        try:
            features = self._features + context_option(label)
            mount_overlay(self._home, merged, overlay_options(self._home, cache_id, lower, features))
        except BaseException:
            merged.rmdir()
            raise
        return merged

    def _unmount(self, cache_id: str) -> None:
        merged = self._home / cache_id / "merged"
        unmount(merged)
        try:
            merged.rmdir()
        except FileNotFoundError:
            pass


def _give(path: Path, mode: int, owner: tuple[int, int]) -> None:
    """With exactly this mode, whatever the umask."""
    path.chmod(mode)
    os.chown(path, *owner)
