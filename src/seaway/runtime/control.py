"""conmon's control FIFO: the size of the terminal, and a new log file after a rotation."""

import errno
import os
from pathlib import Path

from seaway.base.errors import Conflict

_RESIZE, _REOPEN_LOG = 1, 2


class ProcessEnded(Conflict):
    pass


def resize(run_dir: Path, height: int, width: int) -> None:
    _tell(run_dir, f"{_RESIZE} {height} {width}\n")


def reopen_log(run_dir: Path) -> None:
    """conmon goes on in a new file at the log's path: rename the old one first."""
    _tell(run_dir, f"{_REOPEN_LOG} 0 0\n")


def _tell(run_dir: Path, message: str) -> None:
    try:
        fd = os.open(run_dir / "ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as failure:
        if failure.errno in (errno.ENXIO, errno.ENOENT):
            raise ProcessEnded("the process has ended") from failure
        raise
    try:
        os.write(fd, message.encode())
    finally:
        os.close(fd)
