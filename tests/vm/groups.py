"""A container's cgroup, seen from outside. The API is asked where the docker command's own time would be the most of it."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from conformance.engines import PATIENCE, RunningEngine
from conformance.options import call

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
        call(engine, "DELETE", f"/containers/{container}?force=1")


def inspect(engine: RunningEngine, container: str) -> Any:
    return call(engine, "GET", f"/containers/{container}/json")[1]


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
