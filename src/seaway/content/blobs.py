"""Blobs by digest: ingest, commit, read. What was committed has the digest that it is named after.

    <root>/blobs/sha256/<hex>       committed: complete, verified, never changed
    <root>/ingest/sha256-<hex>      a partial download; the next attempt, of this engine or a later one, resumes it

The commit point is the rename from `ingest` to `blobs`. One ingest per digest at a time: `ingest` waits for the
other, after which the blob may be there already. Readers take no lock.

Nothing is synced, for nothing here is the only copy: a blob that a power failure tore does not unpack, and is fetched
again.
"""

import hashlib
import os
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from seaway.base.errors import NotFound, SystemFailure
from seaway.base.failpoints import failpoint
from seaway.base.locks import KeyedLocks
from seaway.kernel import files
from seaway.kernel.worker import run_blocking
from seaway.oci.digest import Digest

CHUNK_SIZE = 1 << 20
_FEW = 16
P = ParamSpec("P")
T = TypeVar("T")


class BlobNotFound(NotFound):
    pass


class CannotStore(SystemFailure):
    """The disk is full, or broken."""


class VerificationFailed(SystemFailure):
    """The bytes are not what the digest says. The partial file is gone."""


class Ingest:
    """A blob that is being written; `size_bytes` are there already. `commit` verifies and publishes it."""

    def __init__(self, digest: Digest, partial: Path, target: Path) -> None:
        self.digest = digest
        self.size_bytes = 0
        self._partial = partial
        self._target = target
        self._hash = hashlib.new(digest.algorithm)
        self._fd = -1
        self._pending: list[bytes] = []
        self._pending_bytes = 0

    async def write(self, data: bytes) -> None:
        self._pending.append(data)
        self._pending_bytes += len(data)
        self.size_bytes += len(data)
        if self._pending_bytes >= CHUNK_SIZE:
            await self._flush()

    async def restart(self) -> None:
        """Forget what is there: the source cannot resume."""
        self._take_pending()
        await run_blocking(os.ftruncate, self._fd, 0)
        self._hash, self.size_bytes = hashlib.new(self.digest.algorithm), 0

    async def is_whole(self) -> bool:
        """Is what is there all that the digest is of?"""
        await self._flush()
        return self._hash.hexdigest() == self.digest.hex

    async def commit(self) -> None:
        if not await self.is_whole():
            await run_blocking(self._partial.unlink)
            raise VerificationFailed(f"filesystem layer verification failed for digest {self.digest}")
        await run_blocking(self._publish)

    async def _flush(self) -> None:
        await run_blocking(self._append, self._take_pending())

    def _take_pending(self) -> list[bytes]:
        pieces, self._pending, self._pending_bytes = self._pending, [], 0
        return pieces

    def _append(self, pieces: list[bytes]) -> None:
        """Many small ones are joined: each costs two system calls and a turn at the interpreter."""
        if len(pieces) > _FEW:
            pieces = [b"".join(pieces)]
        for piece in pieces:
            with _told(self._partial):
                files.write_all(self._fd, piece)
            self._hash.update(piece)

    def _publish(self) -> None:
        with _told(self._partial):
            failpoint("blob: complete")
            os.rename(self._partial, self._target)
            failpoint("blob: published")

    def _open(self) -> None:
        self._fd = os.open(self._partial, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        while chunk := os.pread(self._fd, CHUNK_SIZE, self.size_bytes):
            self._hash.update(chunk)
            self.size_bytes += len(chunk)

    def _close(self) -> None:
        if self._fd < 0:
            return
        try:
            if self._pending and self._partial.exists():
                files.write_all(self._fd, b"".join(self._pending))
        except OSError:
            pass  # a shorter partial download is one too
        finally:
            os.close(self._fd)


class BlobStore:
    def __init__(self, root: Path) -> None:
        self._blobs, self._ingests = root / "blobs", root / "ingest"
        self._locks = KeyedLocks()
        self._leases: Counter[Digest] = Counter()
        self._ingests.mkdir(mode=0o700, parents=True, exist_ok=True)

    def path(self, digest: Digest) -> Path:
        """Where a committed blob is. Raises BlobNotFound."""
        path = self._path(digest)
        if not path.exists():
            raise BlobNotFound(f"content digest {digest}: not found")
        return path

    def __contains__(self, digest: Digest) -> bool:
        return self._path(digest).exists()

    @asynccontextmanager
    async def ingest(self, digest: Digest) -> AsyncIterator[Ingest | None]:
        """None where the blob is there already. Without a commit, what was written stays for the next attempt."""
        async with self._locks.hold(digest):
            if digest in self:
                yield None
                return
            target = self._path(digest)
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            ingest = Ingest(digest, self._partial(digest), target)
            try:
                await run_blocking(ingest._open)
                yield ingest
            finally:
                ingest._close()

    async def add(self, digest: Digest, data: bytes) -> None:
        async with self.ingest(digest) as ingest:
            if ingest:
                await ingest.restart()
                await ingest.write(data)
                await ingest.commit()

    @contextmanager
    def lease(self, digests: Collection[Digest]) -> Iterator[None]:
        """These blobs, present or to come, are not deleted meanwhile."""
        leased = set(digests)
        self._leases.update(leased)
        try:
            yield
        finally:
            self._leases.subtract(leased)
            self._leases += Counter()

    async def delete(self, digest: Digest) -> None:
        """Unless it is leased: then the last to hold it deletes it. An absent one is no error."""
        async with self._locks.hold(digest):
            if not self._leases[digest]:
                await run_blocking(self._path(digest).unlink, missing_ok=True)

    async def forget(self, digest: Digest) -> None:
        """Delete it, or what there is of it, unless somebody else holds or fetches it."""
        if not self._leases[digest] and not self._locks.is_held(digest):
            async with self._locks.hold(digest):
                await run_blocking(self._path(digest).unlink, missing_ok=True)
                await run_blocking(self._partial(digest).unlink, missing_ok=True)

    async def prune(self, older_than_s: float) -> int:
        """Forget downloads that nobody has come back to for so long. Returns the bytes that this freed."""
        freed = 0
        for digest, file in await run_blocking(self._older_than, time.time() - older_than_s):
            if self._leases[digest] or self._locks.is_held(digest):
                continue
            async with self._locks.hold(digest):
                freed += await run_blocking(_unlink, file)
        return freed

    def _older_than(self, before: float) -> list[tuple[Digest, Path]]:
        committed = [(Digest(f"{file.parent.name}:{file.name}"), file) for file in self._blobs.glob("*/*")]
        partial = [(Digest(file.name.replace("-", ":", 1)), file) for file in self._ingests.iterdir()]
        return [(digest, file) for digest, file in (*committed, *partial) if file.stat().st_mtime < before]

    def _path(self, digest: Digest) -> Path:
        return self._blobs / digest.algorithm / digest.hex

    def _partial(self, digest: Digest) -> Path:
        return self._ingests / f"{digest.algorithm}-{digest.hex}"


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as failure:
        raise CannotStore(f"write {path}: {os.strerror(failure.errno or 0).lower()}") from failure


def _unlink(file: Path) -> int:
    try:
        size = file.stat().st_size
        file.unlink()
    except FileNotFoundError:
        return 0
    return size
