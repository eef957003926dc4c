"""The pidfile: says who runs, and refuses a second engine where the first one lives."""

import os
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.kernel.pidfd import is_alive


class EngineAlive(SystemFailure):
    pass


def write_pidfile(path: str) -> None:
    """Raises EngineAlive in dockerd's words; the file of a process that is gone is taken over."""
    file = Path(path)
    if (pid := _read(file)) and pid != os.getpid() and is_alive(pid):
        raise EngineAlive(
            f"failed to start daemon, ensure docker is not running or delete {path}:"
            f" process with PID {pid} is still running"
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(os.getpid()))


def remove_pidfile(path: str) -> None:
    if _read(Path(path)) == os.getpid():
        Path(path).unlink(missing_ok=True)


def _read(file: Path) -> int | None:
    try:
        return int(file.read_text().strip())
    except (FileNotFoundError, ValueError):
        return None
