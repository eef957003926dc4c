"""Writes a tree as a tar to a pipe or file, entry by entry, memory bounded; as dockerd orders and names it.

Nothing is followed: every name is opened relative to its directory with O_NOFOLLOW. What vanishes meanwhile is left
out; a file that shrinks is filled with zeros, for its size has gone out already. Sockets are left out.
"""

import contextlib
import errno
import os
import stat

from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.kernel import tar, tarwriter

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_SMALL, _BUFFER, _CHUNK = 64 << 10, 256 << 10, 1 << 20
_KINDS = {
    stat.S_IFREG: tar.REGULAR,
    stat.S_IFDIR: tar.DIRECTORY,
    stat.S_IFLNK: tar.SYMLINK,
    stat.S_IFCHR: tar.CHAR,
    stat.S_IFBLK: tar.BLOCK_DEVICE,
    stat.S_IFIFO: tar.FIFO,
}
_NO_SPLICE = (errno.EINVAL, errno.ENOSYS)


class TreeTar:
    """Add, then `finish`. Owners are told as `ids` has them inside. Raises BrokenPipeError where nobody reads any more,
    IdNotMapped."""

    def __init__(self, out: int, ids: IdMap = NO_SHIFT) -> None:
        self._out, self._ids = out, ids
        self._buffer = bytearray()
        self._links: dict[tuple[int, int], bytes] = {}

    def add_directory(self, fd: int, name: bytes) -> None:
        """The directory itself as `name`/, then what is in it, by name."""
        self._header(name + b"/", os.fstat(fd), xattrs=_xattrs(fd))
        prefix = name + b"/"
        with os.scandir(fd) as entries:
            children = sorted((os.fsencode(e.name), e.is_file(follow_symlinks=False)) for e in entries)
        for child, is_file in children:
            self.add(fd, child, prefix + child, is_file=is_file)

    def add(self, parent: int, base: bytes, name: bytes, *, is_file: bool = False) -> None:
        """`is_file`: the directory says so, which saves a look."""
        try:
            if is_file:
                self._file(parent, base, name)
                return
            info = os.stat(base, dir_fd=parent, follow_symlinks=False)
            match stat.S_IFMT(info.st_mode):
                case stat.S_IFDIR:
                    self._directory(parent, base, name)
                case stat.S_IFREG:
                    self._file(parent, base, name)
                case stat.S_IFLNK:
                    self._header(name, info, link=os.readlink(base, dir_fd=parent))
                case stat.S_IFCHR | stat.S_IFBLK | stat.S_IFIFO:
                    self._header(name, info)
        except FileNotFoundError:
            pass  # it went away
        except OSError as exc:
            if exc.errno not in (errno.ENOTDIR, errno.ELOOP, errno.ENXIO):  # it became something else
                raise

    def finish(self) -> None:
        self._buffer += tarwriter.END
        self._flush()

    def _directory(self, parent: int, base: bytes, name: bytes) -> None:
        fd = os.open(base, _DIRECTORY, dir_fd=parent)
        try:
            self.add_directory(fd, name)
        finally:
            os.close(fd)

    def _file(self, parent: int, base: bytes, name: bytes) -> None:
        fd = os.open(base, _FILE, dir_fd=parent)
        try:
            info = os.fstat(fd)
            if info.st_nlink > 1 and (first := self._links.setdefault((info.st_dev, info.st_ino), name)) != name:
                self._header(name, info, kind=tar.HARDLINK, link=first)
                return
            if stat.S_ISREG(info.st_mode):
                self._header(name, info, size=info.st_size, xattrs=_xattrs(fd))
                self._content(fd, info.st_size)
        finally:
            os.close(fd)

    def _content(self, fd: int, size: int) -> None:
        if size <= _SMALL:
            data = os.read(fd, size) if size else b""
            self._buffer += data
            self._buffer += bytes(size - len(data) + -size % tar.BLOCK)
        else:
            self._flush()
            left = size
            while left and (sent := self._send(fd, min(left, _CHUNK))):
                left -= sent
            while left:
                self._buffer += bytes(min(left, _CHUNK))
                left -= min(left, _CHUNK)
                self._flush()
            self._buffer += tarwriter.padding(size)
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def _send(self, fd: int, count: int) -> int:
        """From the file into the pipe, without a copy where the kernel can."""
        try:
            return os.splice(fd, self._out, count)
        except OSError as exc:
            if exc.errno not in _NO_SPLICE:
                raise
        data = os.read(fd, count)
        _write_all(self._out, data)
        return len(data)

    def _header(
        self,
        name: bytes,
        info: os.stat_result,
        *,
        kind: bytes | None = None,
        size: int = 0,
        link: bytes = b"",
        xattrs: dict[bytes, bytes] | None = None,
    ) -> None:
        device = (os.major(info.st_rdev), os.minor(info.st_rdev))
        uid, gid = self._ids.to_container(info.st_uid, info.st_gid)
        self._buffer += tarwriter.header(
            name,
            kind or _KINDS[stat.S_IFMT(info.st_mode)],
            mode=info.st_mode,
            uid=uid,
            gid=gid,
            size=size,
            mtime_s=info.st_mtime_ns // 1_000_000_000,
            link=link,
            device=device if info.st_rdev else (0, 0),
            xattrs=xattrs,
        )
        if len(self._buffer) >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        _write_all(self._out, self._buffer)
        self._buffer.clear()


def _xattrs(fd: int) -> dict[bytes, bytes]:
    """File capabilities, as dockerd, and the users' own. Trusted and other security attributes are this host's."""
    found: dict[bytes, bytes] = {}
    with contextlib.suppress(OSError):
        for name in os.listxattr(fd):
            if name == "security.capability" or name.startswith("user."):
                found[os.fsencode(name)] = os.getxattr(fd, name)
    return found


def _write_all(fd: int, data: bytes | bytearray) -> None:
    with memoryview(data) as view:
        done = 0
        while done < len(view):
            done += os.write(fd, view[done:])
