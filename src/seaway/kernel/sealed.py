"""A program run from a sealed copy in memory, which nothing can change.

An OCI runtime guards itself against containers that overwrite its binary by making such a copy of itself at each
call, and running once more. One that is started from a sealed copy already spares that, half of its start-up time.
"""

import fcntl
import os
from functools import lru_cache

from seaway.kernel.files import write_all

_MFD_EXEC = 0x0010  # Linux 6.3
_SEALS = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE


def sealed_program(path: str) -> str:
    """A path that runs `path` as it is on disk now; `path` itself where the kernel or its settings forbid."""
    try:
        status = os.stat(path)
        return _copy(path, status.st_ino, status.st_mtime_ns) if _is_binary(path) else path
    except OSError:
        return path


def _is_binary(path: str) -> bool:
    with open(path, "rb") as program:
        return program.read(4) == b"\x7fELF"


@lru_cache(maxsize=8)
def _copy(path: str, _inode: int, _changed_ns: int) -> str:
    fd = _memory_file(os.path.basename(path))
    try:
        with open(path, "rb") as program:
            write_all(fd, program.read())
        os.fchmod(fd, 0o755)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except OSError:
        os.close(fd)
        raise
    copy = f"/proc/{os.getpid()}/fd/{fd}"
    if not os.access(copy, os.X_OK):
        os.close(fd)
        raise PermissionError(path)
    return copy


def _memory_file(name: str) -> int:
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    try:
        return os.memfd_create(name, flags | _MFD_EXEC)
    except OSError:
        return os.memfd_create(name, flags)
