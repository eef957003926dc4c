"""Limits on a directory's size by project quotas, on xfs and ext4 that are mounted with `prjquota`.

Each limited directory has a project ID of its own, which what is made below inherits. The kernel counts. The IDs in use
are read from the directories beside it, so nothing else has to be kept.
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
_Q_XGETQSTAT, _Q_XSETQLIM = 0x5805, 0x5804
_ENFORCED = 1 << 5  # FS_QUOTA_PDQ_ENFD
_LIMITS = struct.Struct("=bbHIQQQQQQiiHHiQQQiHh8s")
_BHARD = 1 << 3
_BLOCK = 512
_DEVICE = "backingFsBlockDev"


class ProjectQuotas:
    """For the directories below `home`, all on its filesystem. Blocking."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()

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
        with self._lock:
            project = max([_FIRST_ID, *map(_project_of, self._home.glob("*/*/"))]) + 1
            _set_project(directory, project)
        blocks = -(-size_bytes // _BLOCK)
        limits = _LIMITS.pack(1, 2, _BHARD, project, blocks, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b"")
        _quotactl(_Q_XSETQLIM, self._device(), project, ctypes.create_string_buffer(limits, len(limits)))

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


def _project_of(directory: Path) -> int:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return int(_FSXATTR.unpack(fcntl.ioctl(fd, _FSGETXATTR, bytes(_FSXATTR.size)))[3])
    except OSError as exc:
        if exc.errno in (errno.ENOTTY, errno.EOPNOTSUPP):  # another filesystem is mounted there
            return 0
        raise
    finally:
        os.close(fd)


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
