"""The process that takes one layer in: it chroots into the layer's directory and unpacks there, in a single pass.

    python -m seaway.layers.ingest ROOT TAR_FD SPLIT_FD overlay|plain ID_MAP [OFFSET+SIZE]
      ->  {"diff_id": "sha256:…", "size": 123}

Beside the files it makes the tar-split (gzipped, to SPLIT_FD), and hashes the stream in a thread of its own. A gzip,
zstd, bzip2 or xz stream is decompressed on the way, a bomb refused; the diff ID is always the tar's. On failure: exit
code 1 (the tar's fault) or 2 (the host's), and the reason on stderr.
"""

import bz2
import errno
import hashlib
import io
import json
import lzma
import os
import queue
import sys
import threading
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any, cast

import fastcrc
from isal import igzip, igzip_lib

from seaway.base.idmap import IdMap, parse_id_map
from seaway.content.bombs import bomb_text, unpacked_limit
from seaway.kernel.tar import BadTar, TarEntry, TarReader
from seaway.layers.tarsplit import encode_file, encode_segment
from seaway.layers.unpack import Unpacker, clean_name, has_stored_content

CHUNK = 1 << 20
_BAD_INPUT: tuple[type[Exception], ...] = (
    ValueError,
    OSError,
    EOFError,
    zlib.error,
    cast("type[Exception]", igzip_lib.IsalError),
    lzma.LZMAError,
)
_HOST_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EMFILE)
BAD_TAR, HOST_FAILED = 1, 2
_SPLIT_BUFFER = 1 << 18


def _zstd() -> Any:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        from backports import zstd
    return zstd


class CountedInput(io.RawIOBase):
    """A file or a pipe, or `size` bytes of a file from `offset` on. `taken` is how much was read."""

    def __init__(self, fd: int, offset: int = 0, size: int | None = None) -> None:
        self._fd, self._offset, self._size = fd, offset, size
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer)
        if self._size is None:
            count = os.readv(self._fd, [view])
        else:
            view = view[: self._size - self.taken]
            count = os.preadv(self._fd, [view], self._offset + self.taken) if view else 0
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
        self._hash = hashlib.sha256()
        self._queue: queue.Queue[bytes] = queue.Queue(8)
        self._hasher = threading.Thread(target=self._hash_chunks, daemon=True)
        self._hasher.start()

    def _hash_chunks(self) -> None:
        while chunk := self._queue.get():
            self._hash.update(chunk)

    def _fill(self) -> bool:
        self._chunk, self._at = self._stream.read(CHUNK), 0
        self._unpacked += len(self._chunk)
        if self._unpacked > (limit := self._limit(self._source.taken)):
            raise BadTar(bomb_text(limit))
        if self._chunk:
            self._queue.put(self._chunk)
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
        self._queue.put(b"")
        self._hasher.join()
        return f"sha256:{self._hash.hexdigest()}"


class SplitWriter:
    def __init__(self, fd: int) -> None:
        self._file = igzip.IGzipFile(fileobj=open(fd, "wb"), mode="wb", compresslevel=1, mtime=0)  # noqa: SIM115
        self._lines: list[bytes] = []
        self._position = self._buffered = 0

    def segment(self, data: bytes) -> None:
        if data:
            self._add(encode_segment(data, self._position))

    def file(self, name: bytes, size: int, crc: int | None) -> None:
        self._add(encode_file(name, size, crc, self._position))

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._position += 1
        self._buffered += len(line)
        if self._buffered > _SPLIT_BUFFER:
            self._flush()

    def _flush(self) -> None:
        self._file.write(b"".join(self._lines))
        self._lines, self._buffered = [], 0

    def close(self) -> None:
        self._flush()
        self._file.close()


class Ingest:
    def __init__(self, source: HashedSource, split: SplitWriter, unpacker: Unpacker, ids: IdMap) -> None:
        self._source, self._split, self._unpacker, self._ids = source, split, unpacker, ids
        self._stored_paths: set[bytes] = set()
        self.size = 0

    def run(self) -> None:
        reader, padding = TarReader(self._source.read), b""
        while (entry := reader.next_entry()) is not None:
            if clean_name(entry.name) in self._stored_paths:
                raise BadTar("duplicates of file paths not supported")  # its content could not be read back
            self._split.segment(padding + entry.raw)
            if self._ids:
                entry = self._shifted(entry)
            if has_stored_content(entry):
                self._stored(entry)
            else:
                self._unstored(entry)
            padding = self._source.read(entry.padding)
            if len(padding) < entry.padding:
                raise BadTar("unexpected EOF")
        self._split.segment(padding + reader.tail)
        while rest := self._source.read(CHUNK):
            self._split.segment(rest)
        self._unpacker.finish()

    def _shifted(self, entry: TarEntry) -> TarEntry:
        uid, gid = self._ids.to_host(entry.uid, entry.gid)
        return entry._replace(uid=uid, gid=gid)

    def _stored(self, entry: TarEntry) -> None:
        self._stored_paths.add(clean_name(entry.name))
        crc = 0

        def content() -> Iterator[bytes]:
            nonlocal crc
            for piece in self._source.pieces(entry.size):
                crc = fastcrc.crc64.go_iso(piece, crc)
                yield piece

        self._unpacker.add(entry, content())
        self._split.file(entry.name, entry.size, crc)
        self.size += entry.size

    def _unstored(self, entry: TarEntry) -> None:
        if entry.size:
            for piece in self._source.pieces(entry.size):
                self._split.segment(piece)
        else:
            self._split.file(entry.name, 0, None)
        self._unpacker.add(entry, ())


def main(argv: list[str]) -> int:
    root, tar_fd, split_fd, whiteouts, id_map, *part = argv
    ids = parse_id_map(id_map)
    try:
        tar = CountedInput(int(tar_fd), *(int(number) for text in part for number in text.split("+")))
        source, split = HashedSource(tar), SplitWriter(int(split_fd))
        os.chroot(root)
        os.chdir("/")
        ingest = Ingest(source, split, Unpacker(overlay=whiteouts == "overlay", owner=ids.root), ids)
        ingest.run()
        split.close()
    except _BAD_INPUT as exc:
        print(_reason(exc), file=sys.stderr)
        return HOST_FAILED if isinstance(exc, OSError) and exc.errno in _HOST_ERRORS else BAD_TAR
    sys.stdout.buffer.write(json.dumps({"diff_id": source.digest(), "size": ingest.size}).encode())
    return 0


def _reason(exc: Exception) -> str:
    if isinstance(exc, EOFError):
        return "unexpected EOF"
    if not isinstance(exc, OSError) or not exc.errno:
        return str(exc)
    reason = os.strerror(exc.errno).lower()
    return f"/{os.fsdecode(exc.filename)}: {reason}" if isinstance(exc.filename, bytes | str) else reason


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
