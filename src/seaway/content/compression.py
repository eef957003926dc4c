"""Compressed streams, told by their first bytes as dockerd does: gzip, zstd, bzip2, xz, or none."""

import bz2
import lzma
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

from backports import zstd
from isal import igzip_lib

from seaway.base.errors import SystemFailure
from seaway.content.bombs import bomb_text, unpacked_limit
from seaway.kernel.worker import run_blocking

OUTPUT_LIMIT = 4 << 20
_MAGIC_LENGTH = 10

_DECOMPRESSORS: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (b"\x1f\x8b\x08", lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)),
    (b"\x28\xb5\x2f\xfd", zstd.ZstdDecompressor),
    (b"BZh", bz2.BZ2Decompressor),
    (b"\xfd7zXZ\x00", lzma.LZMADecompressor),
)
# The library's stub declares the class as an instance.
_ISAL_ERROR = cast(type[Exception], igzip_lib.IsalError)
_FAILURES: tuple[type[Exception], ...] = (
    _ISAL_ERROR,
    zstd.ZstdError,
    lzma.LZMAError,
    zlib.error,
    OSError,
    ValueError,
    EOFError,
)


class CorruptStream(SystemFailure):
    pass


@dataclass(frozen=True, slots=True)
class Compressed:
    """A piece of a stream that was compressed."""

    data: bytes
    source_bytes: int
    """How much of what was compressed is in the pieces so far, this one included."""


class Bomb(SystemFailure):
    pass


async def safely_decompressed(
    chunks: AsyncIterator[bytes], limit: Callable[[int], int] = unpacked_limit
) -> AsyncGenerator[bytes, None]:
    """`decompressed`, as far as what has come of the stream justifies it. Raises CorruptStream, Bomb."""
    taken = unpacked = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal taken
        async for chunk in chunks:
            taken += len(chunk)
            yield chunk

    async for piece in decompressed(counted()):
        unpacked += len(piece)
        if unpacked > (most := limit(taken)):
            raise Bomb(bomb_text(most))
        yield piece


async def decompressed(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Pieces of at most `OUTPUT_LIMIT` bytes, however well it was compressed. Raises CorruptStream."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= _MAGIC_LENGTH:
            break
    stream = _find(head)
    if stream is None:
        if head:
            yield head
        async for chunk in chunks:
            yield chunk
        return
    async for piece in _run(stream, head, chunks):
        yield piece


def _find(head: bytes) -> "_Stream | None":
    return next((_Stream(make) for magic, make in _DECOMPRESSORS if head.startswith(magic)), None)


async def _run(stream: "_Stream", data: bytes, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    while True:
        piece = await run_blocking(stream.feed, data)
        if piece:
            yield piece
        data = b""
        if stream.is_hungry:
            try:
                data = await anext(chunks)
            except StopAsyncIteration:
                break
    if not stream.is_complete:
        raise CorruptStream("unexpected EOF")


class _Stream:
    """Members (gzip) or frames (zstd) may follow one another; zeros after the last are padding."""

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make = make
        self._member = make()
        self._rest = b""

    @property
    def is_complete(self) -> bool:
        return bool(self._member.eof)

    @property
    def is_hungry(self) -> bool:
        return not self._rest and bool(self._member.eof or self._member.needs_input)

    def feed(self, data: bytes) -> bytes:
        data, self._rest = self._rest + data, b""
        if self._member.eof:
            data = data.lstrip(b"\0")
            if not data:
                return b""
            self._member = self._make()
        try:
            piece: bytes = self._member.decompress(data, OUTPUT_LIMIT)
        except _FAILURES as failure:
            raise CorruptStream(f"corrupt compressed stream: {failure}") from failure
        if self._member.eof:
            self._rest = self._member.unused_data
        return piece
