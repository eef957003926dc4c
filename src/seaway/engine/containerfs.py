"""A container's filesystem as `docker cp` sees it, running or not: its root, its volumes, binds and images, and the
files that the engine mounts (hosts, resolv.conf, hostname). Not what the container itself mounted, nor its tmpfs.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from seaway.base.errors import EngineError, SystemFailure
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.engine.spec.mounts import own_files
from seaway.kernel import worker
from seaway.kernel.mountview import MountView, ViewMount
from seaway.layers.containers import NoSuchMount
from seaway.runtime.spec.request import SpecMount

log = logging.getLogger(__name__)

KEPT_FOR_S = 5.0


@asynccontextmanager
async def container_filesystem(
    engine: Engine, container: Container, *, read_only_root: bool = False
) -> AsyncIterator[tuple[MountView, Path]]:
    """With the path of the bare root filesystem."""
    async with AsyncExitStack() as undo:
        rootfs = await engine.layers.mount(container.id)
        undo.callback(_unmount_later, engine, container.id)
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


def _unmount_later(engine: Engine, container_id: str) -> None:
    engine.supervisor.spawn(_unmount(engine, container_id), f"unmount {container_id[:12]}", service=True)


async def _unmount(engine: Engine, container_id: str) -> None:
    """A while after the answer. The end of an overlay writes back all that its filesystem has unwritten, and one
    `docker cp` is two or three requests. An engine that ends does it at once."""
    try:
        await asyncio.sleep(KEPT_FOR_S)
    finally:
        try:
            await engine.layers.unmount(container_id)
        except NoSuchMount:
            pass  # the container was removed meanwhile, and its mount with it
        except EngineError as failure:
            log.error("failed to unmount the filesystem of container %s: %s", container_id, failure)


def _view_mount(mount: SpecMount) -> ViewMount:
    return ViewMount(mount.source, mount.destination, read_only=bool({"ro", "rro"} & set(mount.options)))
