"""Makes a layer of the entries of its tar: files in the directory that is this process's root, and the tar-split."""

import errno
import lzma
import os
import zlib
from collections.abc import Iterable, Iterator
from typing import cast

import fastcrc
from isal import igzip_lib

from seaway.base.idmap import IdMap
from seaway.kernel.tar import BadTar, TarEntry
from seaway.layers.splitwriter import SplitWriter
from seaway.layers.unpack import Unpacker, clean_name, has_stored_content

BAD_TAR, HOST_FAILED = 1, 2
"""Exit codes: whose fault it was."""
FAILURES: tuple[type[Exception], ...] = (
    ValueError,
    OSError,
    EOFError,
    zlib.error,
    cast("type[Exception]", igzip_lib.IsalError),
    lzma.LZMAError,
)
_LARGE = 1 << 20
_HOST_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS, errno.ENOMEM, errno.EMFILE)


class Intake:
    """`add` each entry in order, `between` what lies between or behind them, then `finish`. `size` is the files'."""

    def __init__(self, split: SplitWriter, unpacker: Unpacker, ids: IdMap) -> None:
        self._split, self._unpacker, self._ids = split, unpacker, ids
        self._stored_paths: set[bytes] = set()
        self._before = b""
        self.size = 0

    def add(self, entry: TarEntry, content: Iterable[bytes]) -> None:
        """`content` has `entry.size` bytes, and all of it is taken. Raises BadTar, OSError, or what it raises."""
        if clean_name(entry.name) in self._stored_paths:
            raise BadTar("duplicates of file paths not supported")  # its content could not be read back
        self._split.segment(self._before + entry.raw)
        self._before = b""
        if self._ids:
            uid, gid = self._ids.to_host(entry.uid, entry.gid)
            entry = entry._replace(uid=uid, gid=gid)
        if has_stored_content(entry):
            self._stored(entry, content)
        else:
            self._unstored(entry, content)

    def between(self, data: bytes) -> None:
        """Padding, end blocks, and what comes after them."""
        self._before += data
        if len(self._before) >= _LARGE:
            self._split.segment(self._before)
            self._before = b""

    def finish(self) -> None:
        self._split.segment(self._before)
        self._split.close()
        self._unpacker.finish()

    def _stored(self, entry: TarEntry, content: Iterable[bytes]) -> None:
        self._stored_paths.add(clean_name(entry.name))
        crc = 0

        def summed() -> Iterator[bytes]:
            nonlocal crc
            for piece in content:
                crc = fastcrc.crc64.go_iso(piece, crc)
                yield piece

        self._unpacker.add(entry, summed())
        self._split.file(entry.name, entry.size, crc)
        self.size += entry.size

    def _unstored(self, entry: TarEntry, content: Iterable[bytes]) -> None:
        if entry.size:
            for piece in content:
                self._split.segment(piece)
        else:
            self._split.file(entry.name, 0, None)
        self._unpacker.add(entry, ())


def failure_code(exc: Exception) -> int:
    return HOST_FAILED if isinstance(exc, OSError) and exc.errno in _HOST_ERRORS else BAD_TAR


def failure_text(exc: Exception) -> str:
    if isinstance(exc, EOFError):
        return "unexpected EOF"
    if not isinstance(exc, OSError) or not exc.errno:
        return str(exc)
    reason = os.strerror(exc.errno).lower()
    return f"/{os.fsdecode(exc.filename)}: {reason}" if isinstance(exc.filename, bytes | str) else reason
