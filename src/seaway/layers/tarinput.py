"""A layer's tar as it comes in: of a pipe or a file, decompressed and hashed on the way, a bomb refused."""

import bz2
import io
import lzma
import os
from collections.abc import Callable, Iterator
from typing import IO, Any

from isal import igzip

from seaway.content.bombs import bomb_text, unpacked_limit
from seaway.kernel.tar import BadTar
from seaway.layers.hashing import StreamHash

CHUNK = 1 << 20


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd


class CountedInput(io.RawIOBase):
    """What a file or a pipe has to its end, or its next `size` bytes. `taken` is how much was read."""

    def __init__(self, fd: int, size: int | None = None) -> None:
        self._fd, self._size = fd, size
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        if self._size is not None:
            view = view[: self._size - self.taken]
        count = os.readv(self._fd, [view]) if view else 0
        self.taken += count
        return count


def open_stream(source: CountedInput) -> IO[bytes]:
    """The tar in it, decompressed."""
    raw = io.BufferedReader(source, CHUNK)
    magic = raw.peek(6)[:6]
    if magic.startswith(b"\x1f\x8b"):
        return igzip.IGzipFile(fileobj=raw, mode="rb")  # type: ignore[no-any-return]
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return _zstd().ZstdFile(raw, "r")  # type: ignore[no-any-return]
    if magic.startswith(b"BZh"):
        return bz2.BZ2File(raw)
    if magic.startswith(b"\xfd7zXZ\x00"):
        return lzma.LZMAFile(raw)
    return raw


class HashedSource:
    """Exact reads from a tar whose every byte is hashed, in another thread, as it comes in. A bomb is a BadTar."""

    def __init__(self, source: CountedInput, limit: Callable[[int], int] = unpacked_limit) -> None:
        self._source, self._limit = source, limit
        self._stream = open_stream(source)
        self._unpacked = 0
        self._chunk = b""
        self._at = 0
        self._hash = StreamHash()

    def _fill(self) -> bool:
        self._chunk, self._at = self._stream.read(CHUNK), 0
        self._unpacked += len(self._chunk)
        if self._unpacked > (limit := self._limit(self._source.taken)):
            raise BadTar(bomb_text(limit))
        if self._chunk:
            self._hash.put(self._chunk)
        return bool(self._chunk)

    def read(self, size: int) -> bytes:
        data = self._chunk[self._at : self._at + size]
        self._at += len(data)
        if len(data) == size:
            return data
        parts = [data]
        missing = size - len(data)
        while missing and self._fill():
            parts.append(self._chunk[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        return b"".join(parts)

    def pieces(self, size: int) -> Iterator[bytes]:
        """The next `size` bytes as they lie in memory. Raises BadTar when the stream ends before."""
        while size:
            if self._at == len(self._chunk) and not self._fill():
                raise BadTar("unexpected EOF")
            piece = self._chunk[self._at : self._at + size]
            self._at += len(piece)
            size -= len(piece)
            yield piece

    def digest(self) -> str:
        return self._hash.digest()
