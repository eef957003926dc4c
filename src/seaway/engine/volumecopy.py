"""What dockerd lacks: a volume's contents copied to a new volume, out as a tar, and in from one.

A container that writes meanwhile is not held back: the copy has each file as it was when it was read.
"""

import os
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path

from seaway.base.errors import EngineError, SystemFailure
from seaway.base.idmap import NO_SHIFT, IdMap, IdNotMapped
from seaway.engine.tarpipes import reading_tar, unpack
from seaway.engine.volumes import VolumeVerbs
from seaway.kernel import worker
from seaway.kernel.paths import DIRECTORY
from seaway.kernel.tar import BadTar
from seaway.kernel.treecopy import TreeCopy
from seaway.kernel.treetar import TreeTar
from seaway.kernel.untar import Refused, Rules
from seaway.volumes.driver import Volume, VolumeInUse
from seaway.volumes.store import VolumeStore


class VolumeCopies:
    def __init__(self, volumes: VolumeStore, verbs: VolumeVerbs, ids: IdMap = NO_SHIFT) -> None:
        """A tar has owners as `ids` has them inside; a clone keeps the host's."""
        self._volumes, self._verbs, self._ids = volumes, verbs, ids

    async def clone(self, name: str, new: str, labels: Mapping[str, str] | None = None) -> Volume:
        """Of the same driver, with the same size limit; not its device, for that holds the original's data."""
        source = self._volumes.get(name)
        if new and self._volumes.find(new):
            raise VolumeInUse(f"clone {name}: a volume named {new} already exists")
        size = {k: v for k, v in (source.options or {}).items() if k == "size"}
        wanted = source.labels if labels is None else labels
        if source.driver == "local":
            async with self._directory(name) as original:
                with _told("clone", name):
                    return await self._verbs.create(new, "local", size or None, wanted, partial(_copy, original))
        target = await self._verbs.create(new, source.driver, size or None, wanted)
        try:
            async with self._directory(name) as original, self._directory(target.name) as copy:
                with _told("clone", name):
                    await worker.apart(_copy, original, copy)
        except BaseException:
            await self._verbs.remove(target.name, force=True)
            raise
        return target

    @asynccontextmanager
    async def export(self, name: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """Names begin with `./`."""
        self._volumes.get(name)
        async with self._directory(name) as path, reading_tar(partial(_write_tar, path, self._ids)) as pieces:
            yield _read(name, pieces)

    async def import_tar(self, name: str, content: AsyncIterator[bytes]) -> None:
        """Over what is there; nothing is removed."""
        self._volumes.get(name)
        async with self._directory(name) as path:
            root = await worker.run_blocking(os.open, path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                with _told("import", name):
                    await unpack(root, "/", Rules(ids=self._ids), content)
            finally:
                os.close(root)

    @asynccontextmanager
    async def _directory(self, name: str) -> AsyncIterator[Path]:
        user = f"copy-{secrets.token_hex(8)}"
        path = await self._volumes.mounts.mount(name, user)
        try:
            yield path
        finally:
            await self._volumes.mounts.unmount(name, user)


def _copy(source: Path, target: Path) -> None:
    reader = os.open(source, DIRECTORY | os.O_CLOEXEC)
    try:
        writer = os.open(target, DIRECTORY | os.O_CLOEXEC)
        try:
            TreeCopy().run(reader, writer)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


async def _read(name: str, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    with _told("export", name):
        async for piece in pieces:
            yield piece


def _write_tar(path: Path, ids: IdMap, out: int) -> None:
    try:
        fd = os.open(path, DIRECTORY | os.O_CLOEXEC)
        try:
            archive = TreeTar(out, ids)
            archive.add_directory(fd, b".")
            archive.finish()
        finally:
            os.close(fd)
    finally:
        os.close(out)


@contextmanager
def _told(verb: str, name: str) -> Iterator[None]:
    try:
        yield
    except EngineError:
        raise
    except (OSError, BadTar, Refused, IdNotMapped) as exc:
        reason = os.strerror(exc.errno or 0).lower() if isinstance(exc, OSError) else str(exc)
        raise SystemFailure(f"{verb} {name}: {reason}") from exc
