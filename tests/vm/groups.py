"""A container's cgroup, seen from outside."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.engines import PATIENCE, RunningEngine

ROOT = Path("/sys/fs/cgroup")


@contextmanager
def running(engine: RunningEngine, *flags: str, command: tuple[str, ...] = ("sleep", "10000")) -> Iterator[str]:
    """The ID of a container that runs meanwhile."""
    done = engine.docker("run", "-d", *flags, "busybox", *command)
    assert done.returncode == 0, done.stderr
    container = done.stdout.strip()
    try:
        yield container
    finally:
        engine.docker("rm", "-f", container)


def inspect(engine: RunningEngine, container: str) -> Any:
    return json.loads(engine.docker("inspect", container).stdout)[0]


def group(engine: RunningEngine, container: str) -> Path:
    pid = inspect(engine, container)["State"]["Pid"]
    return ROOT / Path(f"/proc/{pid}/cgroup").read_text().strip().partition("::/")[2]


def values(folder: Path, *names: str) -> dict[str, str]:
    return {name: (folder / name).read_text().strip() for name in names}


def eventually(condition: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s * PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)
