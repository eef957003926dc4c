"""Limits on a directory's size by project quotas, on xfs and ext4 that are mounted with `prjquota`.

Each limited directory has a project ID of its own, which what is made below inherits. The kernel counts, and is asked
which IDs nothing has, so nothing else has to be kept.
"""

import ctypes
import errno
import fcntl
import os
import stat
import struct
import threading
from pathlib import Path

from seaway.kernel.syscalls import libc, oserror

_FSGETXATTR, _FSSETXATTR = 0x801C581F, 0x401C5820
_FSXATTR = struct.Struct("=IIIII8s")  # xflags, extsize, nextents, projid, cowextsize
_INHERIT = 0x00000200
_FIRST_ID = 100_000
_PRJQUOTA = 2
_Q_XGETQUOTA, _Q_XSETQLIM, _Q_XGETQSTAT = 0x5803, 0x5804, 0x5805
_ENFORCED = 1 << 5  # FS_QUOTA_PDQ_ENFD
_LIMITS = struct.Struct("=bbHIQQQQQQiiHHiQQQiHh8s")
_USED = struct.Struct("=QQ")  # bcount, icount
_USED_AT = 40
_BHARD = 1 << 3
_BLOCK = 512
_DEVICE = "backingFsBlockDev"
_choosing = threading.Lock()


class ProjectQuotas:
    """For the directories below `home`, all on its filesystem. Blocking."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def supported(self) -> bool:
        self._home.mkdir(mode=0o701, parents=True, exist_ok=True)
        try:
            status = ctypes.create_string_buffer(256)
            _quotactl(_Q_XGETQSTAT, self._device(), 0, status)
            flags: int = struct.unpack_from("=H", status.raw, 2)[0]
        except OSError:
            return False
        return bool(flags & _ENFORCED)

    def limit(self, directory: Path, size_bytes: int) -> None:
        """Of an empty directory. Raises OSError."""
        project = self._own_project(directory)
        blocks = -(-size_bytes // _BLOCK)
        limits = _LIMITS.pack(1, 2, _BHARD, project, blocks, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b"")
        _quotactl(_Q_XSETQLIM, self._device(), project, ctypes.create_string_buffer(limits, len(limits)))

    def _own_project(self, directory: Path) -> int:
        """Gives the directory a project that has nothing else; another engine may choose at the same time."""
        project = _FIRST_ID
        with _choosing:
            while True:
                if self._files_of(project) == 0:
                    _set_project(directory, project)
                    if self._files_of(project) == 1:
                        return project
                project += 1

    def _files_of(self, project: int) -> int:
        """How many files the project has, directories among them."""
        found = ctypes.create_string_buffer(_LIMITS.size)
        try:
            _quotactl(_Q_XGETQUOTA, self._device(), project, found)
        except OSError as exc:
            if exc.errno in (errno.ENOENT, errno.ESRCH):  # xfs never heard of it
                return 0
            raise
        return int(_USED.unpack_from(found.raw, _USED_AT)[1])

    def _device(self) -> Path:
        """A node of the filesystem's block device, which dockerd keeps at the same place."""
        path, number = self._home / _DEVICE, os.stat(self._home).st_dev
        try:
            if os.stat(path).st_rdev == number:
                return path
            path.unlink()
        except FileNotFoundError:
            pass
        try:
            os.mknod(path, stat.S_IFBLK | 0o600, number)
        except FileExistsError:
            pass
        return path


def _set_project(directory: Path, project: int) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags, extent, count, _, cow, rest = _FSXATTR.unpack(fcntl.ioctl(fd, _FSGETXATTR, bytes(_FSXATTR.size)))
        fcntl.ioctl(fd, _FSSETXATTR, _FSXATTR.pack(flags | _INHERIT, extent, count, project, cow, rest))
    finally:
        os.close(fd)


def _quotactl(command: int, device: Path, identity: int, data: "ctypes.Array[ctypes.c_char]") -> None:
    if libc.quotactl(ctypes.c_int(command << 8 | _PRJQUOTA), os.fsencode(device), identity, data) < 0:
        raise oserror("quotactl", str(device))
