"""Copies a tree between two directories given by descriptors: contents, owner, mode, times, xattrs, hard links, holes.

Nothing is followed: each name is opened relative to its directory with O_NOFOLLOW, so a tree that changes meanwhile
leads nowhere else. Where the filesystem can share blocks (btrfs, xfs), files are reflinks. Sockets are left out.
"""

import errno
import fcntl
import os
import stat

from seaway.kernel.paths import by_descriptor

_FICLONE = 0x40049409
_CHUNK = 64 << 20
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_RANGE_COPY = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.ETXTBSY)
_NO_XATTRS = (errno.EOPNOTSUPP, errno.ENOTSUP)


class TreeCopy:
    """`run` copies the contents and the attributes of one open directory into another."""

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], tuple[str, str]] = {}
        self._target = -1

    def run(self, source: int, target: int) -> None:
        self._target = target
        self._directory(source, target, "")

    def _directory(self, source: int, target: int, path: str) -> None:
        with os.scandir(source) as entries:
            for entry in entries:
                self._entry(source, target, entry.name, f"{path}{entry.name}")
        copy_attributes(source, target, os.fstat(source))

    def _entry(self, source: int, target: int, name: str, path: str) -> None:
        info = os.stat(name, dir_fd=source, follow_symlinks=False)
        kind = stat.S_IFMT(info.st_mode)
        if kind == stat.S_IFDIR:
            self._subdirectory(source, target, name, path)
            return
        if kind == stat.S_IFSOCK:
            return
        if info.st_nlink > 1 and self._link(info, target, name, path):
            return
        if kind == stat.S_IFREG:
            _copy_file(source, target, name)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
            _copy_link_attributes(source, target, name, info)
        else:
            os.mknod(name, kind | 0o600, info.st_rdev, dir_fd=target)
            os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
            os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=target)
            os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=target, follow_symlinks=False)

    def _subdirectory(self, source: int, target: int, name: str, path: str) -> None:
        below = os.open(name, _DIRECTORY, dir_fd=source)
        try:
            os.mkdir(name, 0o700, dir_fd=target)
            made = os.open(name, _DIRECTORY, dir_fd=target)
            try:
                self._directory(below, made, f"{path}/")
            finally:
                os.close(made)
        finally:
            os.close(below)

    def _link(self, info: os.stat_result, target: int, name: str, path: str) -> bool:
        """Whether another name of the same file was copied before, and this one is a link to it now."""
        first = self._links.setdefault((info.st_dev, info.st_ino), (path, name))[0]
        if first == path:
            return False
        os.link(first, name, src_dir_fd=self._target, dst_dir_fd=target, follow_symlinks=False)
        return True


def _copy_file(source: int, target: int, name: str) -> None:
    reader = os.open(name, _READ, dir_fd=source)
    try:
        info = os.fstat(reader)
        writer = os.open(name, _MAKE, 0o600, dir_fd=target)
        try:
            copy_content(reader, writer, info)
            copy_attributes(reader, writer, info)
        finally:
            os.close(writer)
    finally:
        os.close(reader)


def copy_content(reader: int, writer: int, info: os.stat_result) -> None:
    """`info` is the reader's. Holes stay holes."""
    if not info.st_size:
        return
    if info.st_size >= 4096:
        try:
            fcntl.ioctl(writer, _FICLONE, reader)
            return
        except OSError:
            pass  # no reflinks here
    if info.st_blocks * 512 >= info.st_size:
        _copy_range(reader, writer, 0, info.st_size)
        return
    os.ftruncate(writer, info.st_size)
    at = 0
    while at < info.st_size:
        try:
            at = os.lseek(reader, at, os.SEEK_DATA)
        except OSError as exc:
            if exc.errno == errno.ENXIO:  # a hole to the end
                return
            raise
        end = os.lseek(reader, at, os.SEEK_HOLE)
        _copy_range(reader, writer, at, end)
        at = end


def _copy_range(reader: int, writer: int, start: int, end: int) -> None:
    os.lseek(reader, start, os.SEEK_SET)
    os.lseek(writer, start, os.SEEK_SET)
    left = end - start
    while left > 0:
        try:
            done = os.copy_file_range(reader, writer, min(left, _CHUNK))
        except OSError as exc:
            if exc.errno not in _NO_RANGE_COPY:
                raise
            done = _copy_block(reader, writer, min(left, 1 << 20))
        if not done:
            return
        left -= done


def _copy_block(reader: int, writer: int, size: int) -> int:
    block = memoryview(os.read(reader, size))
    done = 0
    while done < len(block):
        done += os.write(writer, block[done:])
    return done


def copy_attributes(source: int, target: int, info: os.stat_result) -> None:
    """Of an open file or directory; the owner first, for a change of owner takes set-id bits and capabilities away."""
    if info.st_uid or info.st_gid:
        os.fchown(target, info.st_uid, info.st_gid)
    _copy_xattrs(source, target)
    os.fchmod(target, stat.S_IMODE(info.st_mode))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns))


def _copy_link_attributes(source: int, target: int, name: str, info: os.stat_result) -> None:
    os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
    os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=target, follow_symlinks=False)
    old, new = f"{by_descriptor(source)}/{name}", f"{by_descriptor(target)}/{name}"
    try:
        names = os.listxattr(old, follow_symlinks=False)
    except OSError as exc:
        if exc.errno in _NO_XATTRS:
            return
        raise
    for xattr in names:
        if not xattr.startswith("trusted.overlay."):
            os.setxattr(new, xattr, os.getxattr(old, xattr, follow_symlinks=False), follow_symlinks=False)


def _copy_xattrs(source: int, target: int) -> None:
    try:
        names = os.listxattr(source)
    except OSError as exc:
        if exc.errno in _NO_XATTRS:
            return
        raise
    for name in names:
        if name.startswith("trusted.overlay."):
            continue
        try:
            os.setxattr(target, name, os.getxattr(source, name))
        except OSError as exc:
            if exc.errno not in _NO_XATTRS:
                raise
