"""What the runtime is asked for."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One run of a container. `run_dir` belongs to this run alone; `log_path` None: no log is kept. With `checkpoint`
    the process comes out of CRIU's images there, and runs at once."""

    container_id: str
    run_dir: Path
    spec: dict[str, Any]
    log_path: Path | None = None
    terminal: bool = False
    stdin: bool = False
    leave_stdin_open: bool = False
    runtime: str = "crun"
    checkpoint: Path | None = None


@dataclass(frozen=True, slots=True)
class ExecRequest:
    """A further process in a running container. `console_size` is (rows, columns)."""

    container_id: str
    exec_id: str
    run_dir: Path
    terminal: bool = False
    stdin: bool = False
    runtime: str = "crun"
    console_size: tuple[int, int] | None = None
