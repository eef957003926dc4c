"""Runs the chrooted processes that make a layer (`ingest`, `snapshot`) and give its tar back (`reassemble`)."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.base.groups import plain_failures
from seaway.base.idmap import IdMap
from seaway.base.supervisor import Supervisor
from seaway.content.compression import Compressed
from seaway.kernel.pipes import read_pipe, wide_pipe, write_pipe
from seaway.kernel.process import CommandFailed, Completed, run
from seaway.layers.driver import StorageError, Whiteouts
from seaway.oci.digest import Digest


@dataclass(frozen=True, slots=True)
class FilePart:
    """`size` bytes of a file, or all of it. The process that unpacks them reads them by itself; `taken` is told how
    many it has so far, ten times a second and at the end."""

    path: Path
    offset: int = 0
    size: int | None = None
    taken: Callable[[int], None] | None = None


@dataclass(frozen=True, slots=True)
class Diff:
    """The tar that would be made of an upper directory, or of what a plain tree has beyond its `parent`."""

    directory: Path
    parent: Path | None


TarSource = FilePart | Diff | AsyncIterable[bytes]
_TELL_EVERY_S = 0.1


class BadLayer(InvalidParameter):
    """The tar is malformed, truncated or malicious; nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Ingested:
    diff_id: Digest
    size: int


async def ingest(source: TarSource, directory: Path, tar_split: Path, whiteouts: Whiteouts, ids: IdMap) -> Ingested:
    with contextlib.ExitStack() as files:
        split = _opened(files, tar_split, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        os.fchmod(split, 0o644)
        if isinstance(source, Diff):
            done = await _run_snapshot(source, directory, split, whiteouts, ids)
        elif isinstance(source, FilePart):
            fd = _opened(files, source.path, os.O_RDONLY)
            os.lseek(fd, source.offset, os.SEEK_SET)
            size = () if source.size is None else (str(source.size),)
            async with _told(fd, source):
                done = await _run_ingest(directory, fd, split, whiteouts, ids, *size)
        else:
            done = await _ingest_stream(source, directory, split, whiteouts, ids)
    result = msgspec.json.decode(done.stdout)
    return Ingested(Digest(result["diff_id"]), result["size"])


@contextlib.asynccontextmanager
async def _told(fd: int, part: FilePart) -> AsyncIterator[None]:
    """The process reads by the same open file, whose position therefore is how far it got."""

    if part.taken is None:
        yield
        return
    taken = part.taken

    def tell() -> None:
        taken(os.lseek(fd, 0, os.SEEK_CUR) - part.offset)

    async def keep_telling() -> None:
        while True:
            await asyncio.sleep(_TELL_EVERY_S)
            tell()

    async with plain_failures(), asyncio.TaskGroup() as group:
        telling = group.create_task(keep_telling())
        yield
        telling.cancel()
    tell()


async def _ingest_stream(
    source: AsyncIterable[bytes], directory: Path, split: int, whiteouts: Whiteouts, ids: IdMap
) -> Completed:
    with contextlib.ExitStack() as pipes:
        reader, writer = wide_pipe()
        pipes.callback(os.close, reader)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_feed(source, writer))
                return await _run_ingest(directory, reader, split, whiteouts, ids)
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures


async def _feed(source: AsyncIterable[bytes], pipe: int) -> None:
    os.set_blocking(pipe, False)
    try:
        async for chunk in source:
            await write_pipe(pipe, chunk)
    finally:
        os.close(pipe)


async def _run_ingest(directory: Path, tar: int, split: int, whiteouts: Whiteouts, ids: IdMap, *size: str) -> Completed:
    argv = _python("seaway.layers.ingest", str(directory), str(tar), str(split), whiteouts, str(ids), *size)
    try:
        return await run(argv, pass_fds=(tar, split))
    except CommandFailed as exc:
        text = exc.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        if exc.code == 1:
            raise BadLayer(f"Error processing tar file(exit status 1): {text}") from exc
        raise StorageError(f"unpacking a layer failed: {text or exc}") from exc


async def _run_snapshot(source: Diff, directory: Path, split: int, whiteouts: Whiteouts, ids: IdMap) -> Completed:
    trees = (str(source.directory), *([str(source.parent)] if source.parent else []))
    argv = _python("seaway.layers.snapshot", str(directory), str(split), whiteouts, str(ids), *trees)
    try:
        return await run(argv, pass_fds=(split,))
    except CommandFailed as exc:
        raise StorageError(exc.stderr.decode(errors="replace").strip() or str(exc)) from exc


async def reassemble(directory: Path, tar_split: Path) -> AsyncGenerator[bytes, None]:
    """The layer's tar. Raises StorageError when its files are not what they were."""
    with contextlib.ExitStack() as files:
        split = _opened(files, tar_split, os.O_RDONLY)
        writer = _Writer("seaway.layers.reassemble", (str(directory), str(split)), (split,), "reassemble a layer")
        async with contextlib.aclosing(_output_of(writer)) as tar:
            async for chunk in tar:
                yield chunk


async def compress(directory: Path, tar_split: Path) -> AsyncGenerator[Compressed, None]:
    """The layer's tar, gzipped. Raises StorageError when its files are not what they were."""
    with contextlib.ExitStack() as files:
        split, count = _opened(files, tar_split, os.O_RDONLY), os.memfd_create("tar-bytes", os.MFD_CLOEXEC)
        files.callback(os.close, count)
        arguments = (str(directory), str(split), str(count))
        writer = _Writer("seaway.layers.reassemble", arguments, (split, count), "compress a layer")
        async with contextlib.aclosing(_output_of(writer)) as gzipped:
            async for chunk in gzipped:
                yield Compressed(chunk, int.from_bytes(os.pread(count, 8, 0), "little"))


@dataclass(frozen=True, slots=True)
class _Writer:
    """A process that writes to the descriptor that is its first argument."""

    module: str
    arguments: tuple[str, ...]
    descriptors: tuple[int, ...]
    name: str


async def _output_of(work: _Writer) -> AsyncGenerator[bytes, None]:
    reader, writer = wide_pipe()
    try:
        os.set_blocking(reader, False)
        running = Supervisor().spawn(_run_writer(work, writer), work.name)
        try:
            while chunk := await read_pipe(reader):
                yield chunk
            if failure := await running:
                raise StorageError(failure.stderr.decode(errors="replace").strip() or str(failure)) from failure
        finally:
            running.cancel()
            await asyncio.wait([running])
    finally:
        os.close(reader)


async def _run_writer(work: _Writer, writer: int) -> CommandFailed | None:
    try:
        await run(_python(work.module, str(writer), *work.arguments), pass_fds=(*work.descriptors, writer))
    except CommandFailed as exc:
        return exc
    finally:
        os.close(writer)
    return None


def _python(module: str, *args: str) -> list[str]:
    """Our own code, wherever this process has it from; nothing of the working directory."""
    return [sys.executable, "-P", "-m", module, *args]


def _opened(files: contextlib.ExitStack, path: Path, flags: int) -> int:
    fd = os.open(path, flags | os.O_CLOEXEC, 0o644)
    files.callback(os.close, fd)
    return fd
