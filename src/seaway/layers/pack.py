"""Makes tar entries of a directory: of a container's own layer.

`overlay`: overlayfs' whiteouts and opaque directories become a layer's. `difference`: what a plain tree has beyond
another, removals included.

Nothing is followed: each name is opened relative to its directory with O_NOFOLLOW, so a container that changes its
files meanwhile leads nowhere else. A file that shrinks meanwhile is filled up with zeros, so that the tar stays one.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from seaway.base.idmap import IdMap
from seaway.kernel import tar
from seaway.layers.tarheader import KINDS, encode_header
from seaway.layers.unpack import OPAQUE, OPAQUE_XATTR, WHITEOUT

CHUNK = 1 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_KEPT_XATTRS = ("user.", "security.capability")
_OVERLAY = "user.overlay."
_REDIRECTS = frozenset({"trusted.overlay.redirect", "trusted.overlay.metacopy"})
Write = Callable[[bytes, Iterable[bytes]], object]
"""Takes an entry: its header, and the content that the header tells of, all of it."""


class NotWhole(ValueError):
    """Another engine mounted the layer with `redirect_dir` or `metacopy`: part of a change is in the layers below."""

    def __init__(self, name: bytes) -> None:
        super().__init__(
            f"{os.fsdecode(name)} is only a redirect of overlayfs to another layer (redirect_dir or metacopy was on):"
            " copy what the container has of it, and commit again"
        )


class Packer:
    def __init__(self, write: Write, ids: IdMap) -> None:
        self._write, self._ids = write, ids
        self._links: dict[tuple[int, int], bytes] = {}

    def overlay(self, directory: int, prefix: bytes = b"") -> None:
        """The contents of an upper directory, or of any tree that hides nothing."""
        for name in _names(directory):
            if (found := _lstat(name, directory)) is None:
                continue
            if stat.S_ISCHR(found.st_mode) and found.st_rdev == 0:
                self._whiteout(prefix, name, found)
            elif stat.S_ISDIR(found.st_mode):
                with _opened(name, directory) as inside:
                    if inside is not None:
                        self._directory(prefix + name, found, inside)
                        if _is_opaque(inside):
                            self._whiteout(prefix + name + b"/", OPAQUE[len(WHITEOUT) :], found)
                        self.overlay(inside, prefix + name + b"/")
            else:
                self._entry(directory, prefix, name, found)

    def difference(self, directory: int, parent: int | None, prefix: bytes = b"", head: "Head | None" = None) -> None:
        """What `directory` has beyond `parent`, in a plain tree. A directory is told as soon as something in it is."""
        before = set(_names(parent)) if parent is not None else set()
        now = _names(directory)
        for name in sorted({*now, *before}):
            found, old = _lstat(name, directory), _lstat(name, parent) if name in before else None
            if found is None:
                if old is not None:
                    _tell(head)
                    self._whiteout(prefix, name, old)
            elif stat.S_ISDIR(found.st_mode):
                self._changed_directory(directory, parent, prefix, name, found, old, head)
            elif old is None or _differs(found, old):
                _tell(head)
                self._entry(directory, prefix, name, found)

    def _changed_directory(
        self,
        directory: int,
        parent: int | None,
        prefix: bytes,
        name: bytes,
        found: os.stat_result,
        old: os.stat_result | None,
        head: "Head | None",
    ) -> None:
        was_directory = old is not None and stat.S_ISDIR(old.st_mode)
        with _opened(name, directory) as inside, _opened(name, parent if was_directory else None) as below:
            if inside is None:
                return
            own = Head(lambda: self._directory(prefix + name, found, inside), head)
            if old is None or _differs(found, old):
                own.tell()
            self.difference(inside, below, prefix + name + b"/", own)

    def _directory(self, path: bytes, found: os.stat_result, fd: int) -> None:
        self._write(self._header(path + b"/", tar.DIRECTORY, found, xattrs=_xattrs(path, fd)), ())

    def _whiteout(self, prefix: bytes, name: bytes, found: os.stat_result) -> None:
        uid, gid = self._ids.to_container(found.st_uid, found.st_gid)
        self._write(encode_header(prefix + WHITEOUT + name, tar.REGULAR, 0o600, uid, gid, int(found.st_mtime)), ())

    def _entry(self, directory: int, prefix: bytes, name: bytes, found: os.stat_result) -> None:
        kind = KINDS.get(stat.S_IFMT(found.st_mode))
        if kind is None:
            return
        path, inode = prefix + name, (found.st_dev, found.st_ino)
        if found.st_nlink > 1 and (first := self._links.setdefault(inode, path)) != path:
            self._write(self._header(path, tar.HARDLINK, found, link=first), ())
        elif kind == tar.REGULAR:
            self._file(directory, name, path)
        elif kind == tar.SYMLINK:
            self._write(self._header(path, kind, found, link=os.readlink(name, dir_fd=directory)), ())
        else:
            self._write(self._header(path, kind, found), ())

    def _header(
        self,
        path: bytes,
        kind: bytes,
        found: os.stat_result,
        *,
        size: int = 0,
        link: bytes = b"",
        xattrs: dict[bytes, bytes] | None = None,
    ) -> bytes:
        device = (os.major(found.st_rdev), os.minor(found.st_rdev)) if kind in (tar.CHAR, tar.BLOCK_DEVICE) else (0, 0)
        mode, owner = stat.S_IMODE(found.st_mode), self._ids.to_container(found.st_uid, found.st_gid)
        return encode_header(path, kind, mode, *owner, int(found.st_mtime), size, link, device, xattrs)

    def _file(self, directory: int, name: bytes, path: bytes) -> None:
        try:
            fd = os.open(name, _FILE, dir_fd=directory)
        except OSError as gone:
            if gone.errno in (errno.ENOENT, errno.ELOOP, errno.ENXIO):
                return
            raise
        try:
            found = os.fstat(fd)
            header = self._header(path, tar.REGULAR, found, size=found.st_size, xattrs=_xattrs(path, fd))
            self._write(header, content_of(fd, found.st_size))
        finally:
            os.close(fd)


class Head:
    """A directory's own entry, told once, after those above it."""

    def __init__(self, tell: Callable[[], None], above: "Head | None") -> None:
        self._tell, self._above, self._told = tell, above, False

    def tell(self) -> None:
        if not self._told:
            self._told = True
            _tell(self._above)
            self._tell()


def _tell(head: Head | None) -> None:
    if head:
        head.tell()


def _names(directory: int) -> list[bytes]:
    return sorted(os.fsencode(name) for name in os.listdir(directory))


def _lstat(name: bytes, directory: int | None) -> os.stat_result | None:
    if directory is None:
        return None
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def content_of(fd: int, size: int) -> Iterator[bytes]:
    """Exactly so many bytes, however long the file is by now."""
    while size and (chunk := os.read(fd, min(CHUNK, size))):
        size -= len(chunk)
        yield chunk
    while size:
        zeros = bytes(min(CHUNK, size))
        size -= len(zeros)
        yield zeros


@contextmanager
def _opened(name: bytes, directory: int | None) -> Iterator[int | None]:
    """None where there is no such directory (any more)."""
    try:
        fd = None if directory is None else os.open(name, _DIRECTORY, dir_fd=directory)
    except (FileNotFoundError, NotADirectoryError):
        fd = None
    try:
        yield fd
    finally:
        if fd is not None:
            os.close(fd)


def _differs(now: os.stat_result, old: os.stat_result) -> bool:
    """As dockerd decides it: a directory's size and time say nothing."""
    if (now.st_mode, now.st_uid, now.st_gid, now.st_rdev) != (old.st_mode, old.st_uid, old.st_gid, old.st_rdev):
        return True
    return not stat.S_ISDIR(now.st_mode) and (now.st_mtime_ns, now.st_size) != (old.st_mtime_ns, old.st_size)


def _is_opaque(directory: int) -> bool:
    try:
        return os.getxattr(directory, OPAQUE_XATTR) == b"y"
    except OSError:
        return False


def _xattrs(path: bytes, fd: int) -> dict[bytes, bytes]:
    """Raises NotWhole."""
    try:
        found = os.listxattr(fd)
        if not _REDIRECTS.isdisjoint(found):
            raise NotWhole(path)
        names = [name for name in found if name.startswith(_KEPT_XATTRS) and not name.startswith(_OVERLAY)]
        return {os.fsencode(name): os.getxattr(fd, name) for name in names}
    except OSError as exc:
        if exc.errno not in (errno.EOPNOTSUPP, errno.ENODATA):
            raise
        return {}
