"""Where `reassemble` writes a tar: into a descriptor as it is, or gzipped by a thread while files are read.

The same tar gives the same gzip, in whatever pieces it comes; it holds no time and no name.
"""

import os
import queue
import sys
import threading

from isal import isal_zlib

BLOCK = 1 << 20
LEVEL = 2
"""isal's levels end at 3. This one is ten times as fast as zlib's usual level, whose output is an eighth smaller."""
_GZIP = 31
_AHEAD = 4


class TarOut:
    """Pieces gathered to blocks of one size. What was not closed was not all written."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending = bytearray()

    def write(self, data: bytes) -> None:
        self._pending += data
        while len(self._pending) >= BLOCK:
            block = bytes(memoryview(self._pending)[:BLOCK])
            del self._pending[:BLOCK]
            self._put(block)

    def close(self) -> None:
        self._put(bytes(self._pending))

    def _put(self, block: bytes) -> None:
        write_all(self._fd, block)


class GzipOut(TarOut):
    """`count_fd` always holds how many bytes of the tar are in what was written: 8 bytes, little-endian."""

    def __init__(self, fd: int, count_fd: int) -> None:
        super().__init__(fd)
        self._count_fd = count_fd
        self._blocks: queue.Queue[bytes] = queue.Queue(_AHEAD)
        self._thread = threading.Thread(target=self._compress_all, daemon=True)
        self._thread.start()

    def close(self) -> None:
        if self._pending:
            super().close()
        self._put(b"")
        self._thread.join()

    def _put(self, block: bytes) -> None:
        self._blocks.put(block)

    def _compress_all(self) -> None:
        try:
            self._compress()
        except BrokenPipeError:
            os._exit(0)
        except OSError as exc:
            print(exc, file=sys.stderr, flush=True)
            os._exit(1)

    def _compress(self) -> None:
        deflate = isal_zlib.compressobj(LEVEL, isal_zlib.DEFLATED, _GZIP)
        count = 0
        while block := self._blocks.get():
            piece = deflate.compress(block)
            count += len(block)
            os.pwrite(self._count_fd, count.to_bytes(8, "little"), 0)
            write_all(self._fd, piece)
        write_all(self._fd, deflate.flush())


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
