"""A file's content out of a tar: runs of zeros become holes, a sparse member is laid out by its map."""

import os
from collections.abc import Callable

from seaway.kernel.tar import BadTar, TarEntry

_CHUNK = 1 << 20
_HOLE = 64 << 10
_ZEROS = bytes(_HOLE)


def write_content(fd: int, entry: TarEntry, read: Callable[[int], bytes]) -> None:
    if entry.sparse is None:
        _write_run(fd, 0, entry.size, read)
        return
    for offset, length in entry.sparse:
        _write_run(fd, offset, length, read)
    os.ftruncate(fd, entry.real_size)


def _write_run(fd: int, at: int, size: int, read: Callable[[int], bytes]) -> None:
    end, written = at + size, at
    while at < end:
        piece = read(min(end - at, _CHUNK))
        if not piece:
            raise BadTar("unexpected EOF")
        written = max(written, _write_around_holes(fd, piece, at))
        at += len(piece)
    if written < end:
        os.ftruncate(fd, end)


def _write_around_holes(fd: int, piece: bytes, at: int) -> int:
    """Where the last byte that was written ends."""
    view, start, end = memoryview(piece), 0, at
    for block in range(0, len(piece), _HOLE):
        if piece.startswith(_ZEROS, block):
            if block > start:
                end = _pwrite(fd, view[start:block], at + start)
            start = block + _HOLE
    if start < len(piece):
        end = _pwrite(fd, view[start:], at + start)
    return end


def _pwrite(fd: int, data: bytes | memoryview, at: int) -> int:
    done, view = 0, memoryview(data)
    while done < len(view):
        done += os.pwrite(fd, view[done:], at + done)
    return at + done
