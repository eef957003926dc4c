"""What a storage driver does."""

from pathlib import Path
from typing import Literal, Protocol

from seaway.base.errors import SystemFailure

Whiteouts = Literal["overlay", "plain"]


class StorageError(SystemFailure):
    """The driver could not do it; the OSError is its cause."""


class StorageDriver(Protocol):
    """Builds filesystems from layers, each a directory under the driver's home, known by its cache ID.

    A layer is created empty on top of at most one parent. `create` makes one that is filled once, through
    `layer_dir`, and never changes after it became a parent; `create_rw` makes one for a container, which is
    never a parent itself (a container's init layer is `create_rw`'d too, and ends as a parent when it is filled).
    Children must be removed before their parent.

    `whiteouts` says how `layer_dir` must be filled: "overlay", with overlayfs' own whiteouts, in a directory that
    holds this layer alone; "plain", by real removals, in a directory that starts as a copy of the parent.

    `mount` gives the whole filesystem, read-write; mounting twice gives the same path, and one `unmount` ends it
    (whoever needs counts keeps them). Mounts survive the engine; `mount` finds them again. `label` is SELinux's, of all
    files in a new mount; "" for their own, which a driver that mounts nothing leaves them.

    `limit_bytes` is how much a container's layer may hold, 0 for any amount, None for what the driver was made with.
    A filesystem without project quotas has one refused.

    Removing or unmounting what is absent is a no-op. A `create` that fails leaves nothing behind.

    Errors: `StorageError` only.
    """

    name: str
    whiteouts: Whiteouts

    async def create(self, cache_id: str, parent: str | None) -> None: ...
    async def create_rw(self, cache_id: str, parent: str | None, limit_bytes: int | None = None) -> None: ...
    async def put_on(self, cache_id: str, parent: str) -> None:
        """Of a layer with "overlay" whiteouts that was created without a parent, before anybody uses it."""
        ...

    async def remove(self, cache_id: str) -> None:
        """At once out of sight; the space is freed in the background (`close` waits for it)."""

    def exists(self, cache_id: str) -> bool: ...
    def layer_dir(self, cache_id: str) -> Path: ...
    def lower_dirs(self, cache_id: str) -> list[Path]:
        """The `layer_dir`s that are merged under this one, nearest first; none for "plain"."""
        ...

    async def mount(self, cache_id: str, label: str = "") -> Path: ...
    async def unmount(self, cache_id: str) -> None: ...
    async def rw_size(self, cache_id: str) -> int:
        """Bytes that the layer holds beyond its parent."""
        ...

    def metadata(self, cache_id: str) -> dict[str, str]:
        """`GraphDriver.Data` of a container or an image."""
        ...

    def status(self) -> list[tuple[str, str]]:
        """`DriverStatus` of /info."""
        ...

    async def close(self) -> None: ...
