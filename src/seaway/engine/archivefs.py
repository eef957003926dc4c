"""The blocking half of the archive verbs: one container path, resolved inside a view, read or described."""

import os
import posixpath
import stat

from seaway.base.errors import InvalidParameter
from seaway.base.idmap import IdMap
from seaway.engine.pathstat import PathStat, path_stat
from seaway.kernel import paths
from seaway.kernel.mountview import MountView
from seaway.kernel.treetar import TreeTar

_FOLLOW_NOT = os.O_PATH | os.O_NOFOLLOW


def absolute(path: str) -> str:
    """Cleaned as Go's filepath.Join("/", path), with a trailing `/.` or `/` kept: `a//b/.` -> `/a/b/.`"""
    cleaned = posixpath.normpath("/" + path.lstrip("/"))
    if posixpath.basename(path) == ".":
        return cleaned.rstrip("/") + "/."
    return cleaned + "/" if path.endswith("/") and cleaned != "/" else cleaned


def base_name(path: str) -> str:
    """Go's filepath.Base."""
    return path.rstrip("/").rpartition("/")[2] or "/"


def stat_in(view: MountView, path: str) -> PathStat:
    path = absolute(path)
    fd = paths.open_in_root(view.root, path, _FOLLOW_NOT)
    try:
        info = os.fstat(fd)
    finally:
        os.close(fd)
    target = paths.evaluate(view.root, path) if stat.S_ISLNK(info.st_mode) else ""
    return path_stat(base_name(path), info, target)


def destination_in(view: MountView, path: str, *, readonly_rootfs: bool) -> str:
    """Where a tar is to be unpacked, its links followed. Raises InvalidParameter where it may not be."""
    path = absolute(path)
    fd = paths.open_in_root(view.root, path)
    try:
        if not stat.S_ISDIR(os.fstat(fd).st_mode):
            raise InvalidParameter("extraction point is not a directory")
        if view.is_on_root(fd):
            if readonly_rootfs:
                raise InvalidParameter("container rootfs is marked read-only")
        elif os.fstatvfs(fd).f_flag & os.ST_RDONLY:
            raise InvalidParameter("mounted volume is marked read-only")
    finally:
        os.close(fd)
    return paths.evaluate(view.root, path)


def write_tar(view: MountView, path: str, about: PathStat, ids: IdMap, out: int) -> None:
    """Closes `out`. A reader that leaves ends it."""
    path = absolute(path)
    try:
        archive = TreeTar(out, ids)
        name = b"" if path == "/" else os.fsencode(about.name)
        if about.is_directory:
            fd = paths.open_in_root(view.root, path, paths.DIRECTORY)
            try:
                archive.add_directory(fd, name)
            finally:
                os.close(fd)
        else:
            folder = paths.open_in_root(view.root, posixpath.dirname(path), paths.DIRECTORY)
            try:
                archive.add(folder, name, name)
            finally:
                os.close(folder)
        archive.finish()
    finally:
        os.close(out)
