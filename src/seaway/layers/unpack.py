"""Puts the entries of a layer's tar into the directory that is this process's root.

Only a process that has chrooted into the layer may use it (`seaway.layers.ingest`): the kernel then keeps every
symlink, hard link and absolute name inside. A name that climbs out by `..` is refused.

Whiteouts become what the storage driver understands: overlayfs' own (character device 0/0, and the xattr
`trusted.overlay.opaque`), or, in a plain tree that holds the parent's files too, a removal.
"""

import contextlib
import os
import stat
from collections.abc import Iterable
from posixpath import normpath

from seaway.kernel import tar
from seaway.kernel.tar import BadTar, TarEntry
from seaway.layers.making import make, make_directories, make_node, remove, set_times, set_xattrs, write_to

WHITEOUT, META, OPAQUE = b".wh.", b".wh..wh.", b".wh..wh..opq"
OPAQUE_XATTR = "trusted.overlay.opaque"
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def clean_name(name: bytes) -> bytes:
    """The name relative to the layer's root. Raises BadTar when it leads out."""
    path = normpath(name.lstrip(b"/"))
    if path == b".." or path.startswith(b"../") or b"\0" in path:
        raise BadTar(f'"{os.fsdecode(name)}" is outside of "/"')
    return path


def has_stored_content(entry: TarEntry) -> bool:
    """Whether the content can be read back from the unpacked layer: a whiteout's, for one, cannot."""
    if entry.kind != tar.REGULAR or not entry.size:
        return False
    path = clean_name(entry.name)
    return not (path.startswith(META) or path.rpartition(b"/")[2].startswith(WHITEOUT))


class Unpacker:
    """`add` each entry in order, then `finish`. Parents that the tar does not have are `owner`'s."""

    def __init__(self, *, overlay: bool, owner: tuple[int, int] = (0, 0)) -> None:
        self._overlay, self._owner = overlay, owner
        self._inherits_group = False
        self._directories: list[tuple[bytes, TarEntry]] = []
        self._unpacked: set[bytes] = set()
        os.umask(0)

    def add(self, entry: TarEntry, content: Iterable[bytes]) -> None:
        path = clean_name(entry.name)
        parent, _, base = path.rpartition(b"/")
        if path.startswith(META) and path != OPAQUE:
            return
        if base.startswith(WHITEOUT):
            self._whiteout(parent or b".", base, entry)
            return
        if path == b".":
            return
        if not self._overlay:
            self._remember(path)
        if entry.kind == tar.REGULAR:
            self._file(path, entry, content)
        elif entry.kind == tar.DIRECTORY:
            self._directory(path, entry)
        else:
            self._special(path, entry)

    def finish(self) -> None:
        """Directories get their times last, for every file made in them changed those."""
        for path, entry in self._directories:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                set_times(path, entry)

    def _file(self, path: bytes, entry: TarEntry, content: Iterable[bytes]) -> None:
        fd = make(path, self._owner, lambda: os.open(path, _CREATE, entry.mode & 0o777))
        try:
            for chunk in content:
                view = memoryview(chunk)
                while view:
                    view = view[write_to(fd, view, path) :]
            if entry.uid or entry.gid or self._inherits_group:
                os.fchown(fd, entry.uid, entry.gid)
            set_xattrs(fd, entry)
            if entry.mode & 0o7000:
                os.fchmod(fd, entry.mode & 0o7777)
            set_times(fd, entry)
        finally:
            os.close(fd)

    def _directory(self, path: bytes, entry: TarEntry) -> None:
        if not self._is_directory(path):
            hides_lower = self._overlay and self._is_whiteout(path)
            make(path, self._owner, lambda: os.mkdir(path, entry.mode & 0o777))
            if hides_lower:
                os.setxattr(path, OPAQUE_XATTR, b"y", follow_symlinks=False)
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
        set_xattrs(path, entry)
        self._inherits_group |= bool(entry.mode & stat.S_ISGID)
        os.chmod(path, entry.mode & 0o7777)
        self._directories.append((path, entry))

    def _special(self, path: bytes, entry: TarEntry) -> None:
        if entry.kind == tar.HARDLINK:
            source = clean_name(entry.link)
            if source != path:
                make(path, self._owner, lambda: os.link(source, path, follow_symlinks=False))
            return
        if entry.kind == tar.SYMLINK:
            make(path, self._owner, lambda: os.symlink(entry.link, path))
        elif entry.kind in (tar.CHAR, tar.BLOCK_DEVICE, tar.FIFO):
            make(path, self._owner, lambda: make_node(path, entry))
        else:
            raise BadTar(f"unhandled tar header type {entry.kind[0]}")
        os.chown(path, entry.uid, entry.gid, follow_symlinks=False)
        set_xattrs(path, entry)
        if entry.kind != tar.SYMLINK:
            os.chmod(path, entry.mode & 0o7777)
        set_times(path, entry)

    def _whiteout(self, parent: bytes, base: bytes, entry: TarEntry) -> None:
        if not os.path.isdir(parent):
            make_directories(parent, self._owner)
        if base == OPAQUE:
            self._make_opaque(parent)
            return
        hidden = base[len(WHITEOUT) :]
        if hidden in (b"", b".", b".."):
            raise BadTar(f'"{os.fsdecode(entry.name)}" is no whiteout')
        path = hidden if parent == b"." else parent + b"/" + hidden
        if not self._overlay:
            self._clear(path)
        elif self._is_directory(path):
            self._make_opaque(path)
        else:
            with contextlib.suppress(FileExistsError):
                os.mknod(path, stat.S_IFCHR, 0)
                os.chown(path, entry.uid, entry.gid, follow_symlinks=False)

    def _make_opaque(self, path: bytes) -> None:
        if self._overlay:
            os.setxattr(path, OPAQUE_XATTR, b"y", follow_symlinks=False)
            return
        for name in os.listdir(path):
            self._clear(name if path == b"." else path + b"/" + name)

    def _clear(self, path: bytes) -> None:
        """Remove what lies there, except what this layer brought."""
        if path not in self._unpacked:
            remove(path)
        elif self._is_directory(path):
            for name in os.listdir(path):
                self._clear(path + b"/" + name)

    def _remember(self, path: bytes) -> None:
        while path and path not in self._unpacked:
            self._unpacked.add(path)
            path = path.rpartition(b"/")[0]

    @staticmethod
    def _is_directory(path: bytes) -> bool:
        try:
            return stat.S_ISDIR(os.lstat(path).st_mode)
        except (FileNotFoundError, NotADirectoryError):
            return False

    @staticmethod
    def _is_whiteout(path: bytes) -> bool:
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISCHR(found.st_mode) and found.st_rdev == 0
