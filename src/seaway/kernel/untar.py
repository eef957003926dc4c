"""Puts a tar's members below a directory of a root that they cannot leave, by dockerd's rules for `docker cp`.

Every parent is opened with openat2(RESOLVE_IN_ROOT) and the last name relative to it without following, so links that
the tar brings, or that somebody changes meanwhile, lead to other places inside the root at most.
"""

import os
import posixpath
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass

from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.kernel import tar
from seaway.kernel.paths import DIRECTORY, by_descriptor, make_directories, open_in_root
from seaway.kernel.tar import BadTar, TarEntry, TarReader
from seaway.kernel.untarfile import write_content

_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FOLDER = DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_NODES = {tar.CHAR: stat.S_IFCHR, tar.BLOCK_DEVICE: stat.S_IFBLK, tar.FIFO: stat.S_IFIFO}


class Refused(ValueError):
    """A member that may not be put there; dockerd's words."""


@dataclass(frozen=True, slots=True)
class Rules:
    """`owner` replaces every member's, as the container has them; `ids`: who that is on the host. `keep_kind`: a
    directory never replaces something else, nor the reverse."""

    owner: tuple[int, int] | None = None
    ids: IdMap = NO_SHIFT
    keep_kind: bool = False


class Untar:
    """`destination` is absolute inside `root`, its links followed. Blocking. Raises OSError, BadTar, Refused."""

    def __init__(self, root: int, destination: str, rules: Rules) -> None:
        self._root, self._destination, self._rules = root, destination, rules
        self._folder: tuple[str, int] | None = None
        self._times: list[tuple[str, TarEntry]] = []

    def run(self, read: Callable[[int], bytes]) -> None:
        """`read(n)` gives n bytes, fewer at the end of the stream."""
        reader = TarReader(read, sparse=True)
        try:
            while entry := reader.next_entry():
                self._add(entry, read)
                read(entry.padding)
            for path, entry in reversed(self._times):
                self._set_time(path, entry)
        finally:
            self._close_folder()

    def _add(self, entry: TarEntry, read: Callable[[int], bytes]) -> None:
        name = os.fsdecode(posixpath.normpath(entry.name or b"."))
        path = _join(self._destination, name)
        if name == ".." or name.startswith("../"):
            raise Refused(f'"{name}" is outside of "{self._destination}"')
        if path == self._destination:
            self._update_destination(path, entry)
            return
        folder, _, base = path.rpartition("/")
        parent = self._open_parent(folder)
        match entry.kind:
            case tar.REGULAR:
                self._file(parent, base, path, entry, read)
            case tar.DIRECTORY:
                self._directory(parent, base, path, entry)
            case tar.SYMLINK:
                self._symlink(parent, base, path, entry)
            case tar.HARDLINK:
                self._hardlink(parent, base, path, entry)
            case tar.CHAR | tar.BLOCK_DEVICE | tar.FIFO:
                self._node(parent, base, path, entry)
            case _:
                raise BadTar(f"unhandled tar header type {entry.kind[0]}")

    def _open_parent(self, folder: str) -> int:
        if self._folder and self._folder[0] == folder:
            return self._folder[1]
        self._close_folder()
        try:
            fd = open_in_root(self._root, folder, DIRECTORY)
        except FileNotFoundError:
            os.close(make_directories(self._root, folder, owner=self._rules.ids.root))
            fd = open_in_root(self._root, folder, DIRECTORY)
        self._folder = (folder, fd)
        return fd

    def _close_folder(self) -> None:
        if self._folder:
            os.close(self._folder[1])
        self._folder = None

    def _update_destination(self, path: str, entry: TarEntry) -> None:
        if entry.kind != tar.DIRECTORY:
            raise Refused(f'cannot overwrite directory "{path}" with non-directory "{self._destination}"')
        self._attributes_of(path, entry)

    def _file(self, parent: int, base: str, path: str, entry: TarEntry, read: Callable[[int], bytes]) -> None:
        try:
            fd = os.open(base, _MAKE, entry.mode & 0o777, dir_fd=parent)
        except FileExistsError:
            self._make_room(parent, base, path, directory=False)
            fd = os.open(base, _MAKE, entry.mode & 0o777, dir_fd=parent)
        try:
            write_content(fd, entry, read)
            self._attributes(fd, entry)
            os.utime(fd, ns=_times(entry))
        except BaseException:
            os.unlink(base, dir_fd=parent)  # nobody sees half a file
            raise
        finally:
            os.close(fd)

    def _directory(self, parent: int, base: str, path: str, entry: TarEntry) -> None:
        try:
            os.mkdir(base, 0o700, dir_fd=parent)
        except FileExistsError:
            self._make_room(parent, base, path, directory=True)
            if not _is_directory(parent, base):
                os.mkdir(base, 0o700, dir_fd=parent)
        self._attributes_of(path, entry)

    def _attributes_of(self, path: str, entry: TarEntry) -> None:
        fd = open_in_root(self._root, path, _FOLDER)
        try:
            self._attributes(fd, entry)
        finally:
            os.close(fd)
        self._times.append((path, entry))

    def _symlink(self, parent: int, base: str, path: str, entry: TarEntry) -> None:
        link = os.fsdecode(entry.link)
        target = _join(posixpath.dirname(path), link)
        if not target.startswith(self._destination):
            raise Refused(f'invalid symlink "{path}" -> "{link}"')
        self._make_room(parent, base, path, directory=False)
        os.symlink(entry.link, base, dir_fd=parent)
        self._link_attributes(parent, base, entry)

    def _hardlink(self, parent: int, base: str, path: str, entry: TarEntry) -> None:
        link = os.fsdecode(entry.link)
        target = _join(self._destination, link)
        if not target.startswith(self._destination):
            raise Refused(f'invalid hardlink "{target}" -> "{link}"')
        self._make_room(parent, base, path, directory=False)
        source = open_in_root(self._root, posixpath.dirname(target), DIRECTORY)
        try:
            os.link(posixpath.basename(target), base, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(source)

    def _node(self, parent: int, base: str, path: str, entry: TarEntry) -> None:
        self._make_room(parent, base, path, directory=False)
        os.mknod(base, _NODES[entry.kind] | 0o600, os.makedev(entry.major, entry.minor), dir_fd=parent)
        self._link_attributes(parent, base, entry)
        fd = os.open(base, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        try:
            os.chmod(by_descriptor(fd), entry.mode & 0o7777)
        finally:
            os.close(fd)

    def _make_room(self, parent: int, base: str, path: str, *, directory: bool) -> None:
        """What is there goes, unless both are directories."""
        try:
            info = os.stat(base, dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            return
        is_directory = stat.S_ISDIR(info.st_mode)
        if self._rules.keep_kind and is_directory != directory:
            kinds = ("directory", "non-directory") if is_directory else ("non-directory", "directory")
            raise Refused(f'cannot overwrite {kinds[0]} "{path}" with {kinds[1]} "{self._destination}"')
        if is_directory and not directory:
            shutil.rmtree(base, dir_fd=parent)
        elif not is_directory:
            os.unlink(base, dir_fd=parent)

    def _attributes(self, fd: int, entry: TarEntry) -> None:
        """The owner first, for a change of owner takes set-id bits and capabilities away. What is right
        already is left, for a change costs the filesystem's journal more than a look."""
        info, owner = os.fstat(fd), self._owner(entry)
        if (info.st_uid, info.st_gid) != owner:
            os.fchown(fd, *owner)
        for key, value in entry.xattrs.items():
            try:
                os.setxattr(fd, key, value)
            except OSError:  # what this filesystem has no place for is left out, as dockerd does
                continue
        wanted = entry.mode & 0o7777
        if stat.S_IMODE(info.st_mode) != wanted or wanted & 0o6000:
            os.fchmod(fd, wanted)

    def _owner(self, entry: TarEntry) -> tuple[int, int]:
        return self._rules.ids.to_host(*(self._rules.owner or (entry.uid, entry.gid)))

    def _link_attributes(self, parent: int, base: str, entry: TarEntry) -> None:
        uid, gid = self._owner(entry)
        os.chown(base, uid, gid, dir_fd=parent, follow_symlinks=False)
        os.utime(base, ns=_times(entry), dir_fd=parent, follow_symlinks=False)

    def _set_time(self, path: str, entry: TarEntry) -> None:
        try:
            fd = open_in_root(self._root, path, _FOLDER)
        except OSError:
            return  # somebody else replaced it meanwhile
        try:
            os.utime(fd, ns=_times(entry))
        finally:
            os.close(fd)


def _join(folder: str, name: str) -> str:
    """Go's filepath.Join: an absolute name is below the folder too."""
    return posixpath.normpath("/" + f"{folder}/{name}".lstrip("/"))


def _times(entry: TarEntry) -> tuple[int, int]:
    return (entry.mtime_ns if entry.atime_ns is None else entry.atime_ns, entry.mtime_ns)


def _is_directory(parent: int, base: str) -> bool:
    try:
        return stat.S_ISDIR(os.stat(base, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False
