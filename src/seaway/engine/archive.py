"""`HEAD`, `GET` and `PUT /containers/{id}/archive`: what `docker cp` does, on running and stopped containers.

Every path is resolved inside the container's root by the kernel (`kernel.paths`), never by a look before the use.
"""

import errno
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

from seaway.base.errors import EngineError, NotFound, SystemFailure
from seaway.base.idmap import IdNotMapped
from seaway.engine.archivefs import destination_in, stat_in, write_tar
from seaway.engine.containerfs import container_filesystem
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.pathstat import PathStat
from seaway.engine.spec.identity import container_identity
from seaway.engine.tarpipes import reading_tar, unpack
from seaway.kernel import worker
from seaway.kernel.tar import BadTar
from seaway.kernel.untar import Refused, Rules

_CALLS = {errno.ENOSPC: "write", errno.EDQUOT: "write", errno.EBUSY: "unlinkat", errno.EROFS: "open"}


class NoSuchFile(NotFound):
    pass


async def stat_path(engine: Engine, name: str, path: str) -> PathStat:
    container = engine.containers.find(name)
    async with container_filesystem(engine, container) as (view, _):
        with _told(name, path, "lstat"):
            return await worker.run_blocking(stat_in, view, path)


@asynccontextmanager
async def archive_path(engine: Engine, name: str, path: str) -> AsyncIterator[tuple[PathStat, AsyncIterator[bytes]]]:
    """The tar of a file or tree, as it is read. Leaving the block early ends the reading."""
    container = engine.containers.find(name)
    async with container_filesystem(engine, container) as (view, _):
        with _told(name, path, "lstat"):
            about = await worker.run_blocking(stat_in, view, path)
        container_event(engine, container, "archive-path")
        async with reading_tar(partial(write_tar, view, path, about, engine.settings.ids)) as pieces:
            yield about, _read(name, path, pieces)


async def extract_to(
    engine: Engine,
    name: str,
    path: str,
    content: AsyncIterator[bytes],
    *,
    keep_kind: bool = False,
    as_user: bool = False,
) -> None:
    """Unpack a tar, compressed or not, into a directory. `as_user`: all of it belongs to the container's user."""
    container = engine.containers.find(name)
    read_only = container.host_config.readonly_rootfs
    async with container_filesystem(engine, container, read_only_root=read_only) as (view, rootfs):
        owner = None
        if as_user and container.config.user:
            identity = await worker.run_blocking(container_identity, container, rootfs)
            owner = (identity.uid, identity.gid)
        with _told(name, path, "open"):
            destination = await worker.run_blocking(destination_in, view, path, readonly_rootfs=read_only)
            await unpack(view.root, destination, Rules(owner, engine.settings.ids, keep_kind), content)
    container_event(engine, container, "extract-to-dir")


async def _read(name: str, path: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """What was there a moment ago may have gone."""
    with _told(name, path, "lstat"):
        async for piece in pieces:
            yield piece


@contextmanager
def _told(name: str, path: str, call: str) -> Iterator[None]:
    """Failures in dockerd's words."""
    try:
        yield
    except EngineError:
        raise
    except FileNotFoundError as exc:
        raise NoSuchFile(f"Could not find the file {path} in container {name}") from exc
    except OSError as exc:
        call = _CALLS.get(exc.errno or 0, call)
        raise SystemFailure(f"{call} {exc.filename or path}: {os.strerror(exc.errno or 0).lower()}") from exc
    except (BadTar, Refused, IdNotMapped) as exc:
        raise SystemFailure(str(exc)) from exc
