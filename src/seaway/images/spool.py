"""An archive that came as a stream, kept in a nameless file and read in place: nothing in it is ever unpacked.

A member is known by its cleaned path; symbolic and hard links lead to the member that they mean.
"""

import errno
import os
import posixpath
import tarfile
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from seaway.base.errors import InvalidParameter
from seaway.content.compression import safely_decompressed
from seaway.kernel.files import write_all
from seaway.kernel.worker import release, run_blocking
from seaway.layers.transfer import FilePart

CHUNK = 1 << 20
DOCUMENT_LIMIT = 16 << 20
_LINKS_LIMIT = 16


class BadArchive(InvalidParameter):
    pass


@dataclass(frozen=True, slots=True)
class Member:
    offset: int
    size: int
    link: str = ""


class SpooledArchive:
    def __init__(self, fd: int, members: dict[str, Member]) -> None:
        self._fd, self._members = fd, members

    def __contains__(self, name: str) -> bool:
        return self._find(name) is not None

    def directories(self) -> list[str]:
        """The names at the top that have members below them, sorted."""
        return sorted({name.partition("/")[0] for name in self._members if "/" in name})

    def size_bytes(self, name: str) -> int:
        return self._get(name).size

    async def read(self, name: str) -> bytes:
        """A document. Raises BadArchive when it is missing or absurdly big."""
        member = self._get(name)
        if member.size > DOCUMENT_LIMIT:
            raise BadArchive(f"{name} is too big: {member.size} bytes")
        return await run_blocking(os.pread, self._fd, member.size, member.offset)

    def part(self, name: str, taken: Callable[[int], None] | None = None) -> FilePart:
        """Valid as long as the archive is open."""
        member = self._get(name)
        return FilePart(Path(f"/proc/self/fd/{self._fd}"), member.offset, member.size, taken)

    def _get(self, name: str) -> Member:
        member = self._find(name)
        if member is None:
            raise BadArchive(f"open {name}: no such file or directory")
        return member

    def _find(self, name: str) -> Member | None:
        path = _clean(name)
        for _ in range(_LINKS_LIMIT):
            member = self._members.get(path)
            if member is None or not member.link:
                return member
            path = member.link
        return None


@asynccontextmanager
async def spooled(body: AsyncIterator[bytes], directory: Path) -> AsyncIterator[SpooledArchive]:
    """Take in the whole stream, decompressed. `directory` is where the nameless file lies. Raises BadArchive."""
    async with scratch_file(directory) as fd:
        await fill(fd, safely_decompressed(body))
        yield SpooledArchive(fd, await run_blocking(_index, fd))


async def fill(fd: int, body: AsyncIterator[bytes]) -> int:
    """Write all that comes, in large pieces. Gives the number of bytes."""
    pieces: list[bytes] = []
    total = waiting = 0
    async for piece in body:
        pieces.append(piece)
        total, waiting = total + len(piece), waiting + len(piece)
        if waiting >= CHUNK:
            await run_blocking(write_all, fd, b"".join(pieces))
            pieces, waiting = [], 0
    await run_blocking(write_all, fd, b"".join(pieces))
    return total


@asynccontextmanager
async def scratch_file(directory: Path) -> AsyncIterator[int]:
    """A nameless file. To free gigabytes takes a second, which the event loop has not got."""
    fd = nameless_file(directory)
    try:
        yield fd
    finally:
        await release(os.close, fd)


def nameless_file(directory: Path) -> int:
    """A file that is gone when it is closed, whatever happens to the engine. For the event loop's own thread: a thread
    of the pool would lose it where its caller was cancelled."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as failure:
        if failure.errno not in (errno.EOPNOTSUPP, errno.EISDIR):
            raise
    fd, path = tempfile.mkstemp(dir=directory)
    os.unlink(path)
    return fd


def _index(fd: int) -> dict[str, Member]:
    members, length = {}, os.fstat(fd).st_size
    os.lseek(fd, 0, os.SEEK_SET)
    try:
        with os.fdopen(os.dup(fd), "rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            for info in archive:
                if info.offset_data + (info.size if info.isreg() else 0) > length:
                    raise BadArchive("unexpected EOF")
                name = _clean(info.name)
                if info.isreg():
                    members[name] = Member(info.offset_data, info.size)
                elif info.issym():
                    members[name] = Member(0, 0, _clean(posixpath.join(posixpath.dirname(name), info.linkname)))
                elif info.islnk():
                    members[name] = Member(0, 0, _clean(info.linkname))
    except tarfile.TarError as failure:
        is_short = length < tarfile.BLOCKSIZE or "unexpected end" in str(failure) or "truncated" in str(failure)
        raise BadArchive("unexpected EOF" if is_short else "archive/tar: invalid tar header") from failure
    return members


def _clean(name: str) -> str:
    return posixpath.normpath("/" + name).lstrip("/")
