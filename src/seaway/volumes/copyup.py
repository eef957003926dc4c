"""Fills an empty volume with what the image has where it is mounted: contents, owner, mode, times and xattrs.

Both directories are given as paths that the caller has already resolved inside the container's root; nothing
below them is followed, so a symbolic link is copied as a link.
"""

import os
import shutil
import stat
from pathlib import Path


def copy_up(image_dir: Path, volume_dir: Path) -> bool:
    """False where there is nothing to do: no such directory in the image, or the volume has data."""
    if not image_dir.is_dir() or image_dir.is_symlink() or any(volume_dir.iterdir()):
        return False
    _copy_contents(image_dir, volume_dir, {})
    _copy_attributes(image_dir, volume_dir)
    return True


def _copy_contents(source: Path, target: Path, links: dict[tuple[int, int], Path]) -> None:
    with os.scandir(source) as entries:
        for entry in entries:
            _copy_entry(Path(entry.path), target / entry.name, entry.stat(follow_symlinks=False), links)


def _copy_entry(source: Path, target: Path, info: os.stat_result, links: dict[tuple[int, int], Path]) -> None:
    identity = (info.st_dev, info.st_ino)
    if identity in links:
        os.link(links[identity], target, follow_symlinks=False)
        return
    kind = stat.S_IFMT(info.st_mode)
    match kind:
        case stat.S_IFDIR:
            target.mkdir(mode=0o700)
            _copy_contents(source, target, links)
        case stat.S_IFLNK:
            os.symlink(os.readlink(source), target)
        case stat.S_IFREG:
            shutil.copyfile(source, target, follow_symlinks=False)
        case stat.S_IFSOCK:
            return
        case _:
            os.mknod(target, kind | 0o600, info.st_rdev)
    if info.st_nlink > 1 and kind != stat.S_IFDIR:
        links[identity] = target
    _copy_attributes(source, target)


def _copy_attributes(source: Path, target: Path) -> None:
    info = source.lstat()
    os.chown(target, info.st_uid, info.st_gid, follow_symlinks=False)
    for name in os.listxattr(source, follow_symlinks=False):
        if not name.startswith("trusted.overlay."):
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
    if not stat.S_ISLNK(info.st_mode):
        os.chmod(target, stat.S_IMODE(info.st_mode))
    os.utime(target, ns=(info.st_atime_ns, info.st_mtime_ns), follow_symlinks=False)
