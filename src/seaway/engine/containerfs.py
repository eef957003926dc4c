"""A container's filesystem as `docker cp` sees it, running or not: its root, its volumes, binds and images, and the
files that the engine mounts (hosts, resolv.conf, hostname). Not what the container itself mounted, nor its tmpfs.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.engine.spec.mounts import own_files
from seaway.kernel import worker
from seaway.kernel.mountview import MountView, ViewMount
from seaway.runtime.spec.request import SpecMount


@asynccontextmanager
async def container_filesystem(
    engine: Engine, container: Container, *, read_only_root: bool = False
) -> AsyncIterator[tuple[MountView, Path]]:
    """With the path of the bare root filesystem."""
    async with AsyncExitStack() as undo:
        rootfs = await engine.layers.mount(container.id)
        undo.push_async_callback(engine.layers.unmount, container.id)
        user = f"{container.id}-{secrets.token_hex(4)}"
        undo.push_async_callback(engine.mounts.end, container, user)
        own = await worker.run_blocking(own_files, engine.containers.directory(container.id))
        mounts = [*own, *await engine.mounts.begin(container, user)]
        try:
            binds = [_view_mount(m) for m in mounts if m.type == "bind"]
            view = await worker.run_blocking(MountView, rootfs, binds, read_only_root=read_only_root)
        except OSError as exc:
            raise SystemFailure(f"failed to set up the filesystem of container {container.id}: {exc}") from exc
        undo.push_async_callback(worker.run_blocking, view.close)
        yield view, rootfs


def _view_mount(mount: SpecMount) -> ViewMount:
    return ViewMount(mount.source, mount.destination, read_only=bool({"ro", "rro"} & set(mount.options)))
