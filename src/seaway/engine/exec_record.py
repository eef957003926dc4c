"""What an engine that comes later must know of a running exec: `exec.json` in the exec's own run directory.

It is on the exec root, which a reboot empties, and goes with its directory when the exec has ended.
"""

import logging
import shutil
from collections.abc import Iterator
from pathlib import Path

import msgspec

from seaway.containers.execs import Exec
from seaway.runtime.bundle import RunDirectory

log = logging.getLogger(__name__)
NAME = "exec.json"


def write(run_dir: Path, execution: Exec) -> None:
    """Before the process starts."""
    run_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    (run_dir / NAME).write_bytes(msgspec.json.encode(execution))


def read_all(root: Path) -> Iterator[tuple[Exec, Path]]:
    """Running ones, with their pid. What was begun and never ran is cleared away."""
    if not root.is_dir():
        return
    for run_dir in root.iterdir():
        pid = RunDirectory(run_dir).process_pid()
        try:
            execution = msgspec.json.decode((run_dir / NAME).read_bytes(), type=Exec)
        except (OSError, msgspec.DecodeError) as failure:
            log.warning("an exec of an earlier engine cannot be read: %s", failure)
            pid = None
        if pid is None:
            shutil.rmtree(run_dir, ignore_errors=True)
        else:
            yield execution.started(pid), run_dir
