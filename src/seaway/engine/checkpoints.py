"""Checkpoints: a running process written to files by CRIU, and started again from them.

    <data root>/containers/<id>/checkpoints/<name>/     CRIU's images, or in a directory that the client names

The runtime does it, where it was built for it: runc needs the program `criu`, Debian's crun cannot.
"""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from seaway.base.errors import Forbidden, NotModified, SystemFailure
from seaway.containers.container import Container
from seaway.containers.names import NAME_CHARACTERS
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.kernel import worker

_NAME = re.compile(f"{NAME_CHARACTERS}+")


async def create_checkpoint(engine: Engine, name: str, checkpoint: str, directory: str, *, leave_running: bool) -> None:
    """Raises SystemFailure in dockerd's words, and leaves nothing then."""
    container = engine.containers.find(name)
    async with engine.locks.hold(container.id):
        container = engine.containers.get(container.id)
        if container.task.status not in (Status.RUNNING, Status.PAUSED):
            raise SystemFailure(f"Container {name} not running")
        if not _NAME.fullmatch(checkpoint):
            raise SystemFailure(f"Invalid checkpoint ID ({checkpoint}), only {NAME_CHARACTERS} are allowed")
        path = _home(engine, container, directory) / checkpoint
        await worker.run_blocking(_make, path, checkpoint, name)
        try:
            runtime = container.host_config.runtime or engine.default_runtime
            await engine.runtime.checkpoint(container.id, path, runtime, leave_running=leave_running)
        except BaseException as failure:
            await worker.run_blocking(shutil.rmtree, path)
            if isinstance(failure, SystemFailure):
                raise SystemFailure(f"Cannot checkpoint container {name}: {failure}") from failure
            raise
    container_event(engine, container, "checkpoint")


def find_checkpoint(engine: Engine, container: Container, checkpoint: str, directory: str) -> Path:
    """For a start. Raises Forbidden, NotModified, SystemFailure."""
    if directory:
        raise Forbidden("custom checkpointdir is not supported")
    if container.task.is_running:
        raise NotModified("container is already running")
    return _existing(_home(engine, container, directory) / checkpoint, checkpoint, f"/{container.name}")


async def list_checkpoints(engine: Engine, name: str, directory: str) -> Sequence[str]:
    container = engine.containers.find(name)
    home = _home(engine, container, directory)
    if directory:
        _existing(home, "", name)
    return await worker.run_blocking(_names, home)


async def remove_checkpoint(engine: Engine, name: str, checkpoint: str, directory: str) -> None:
    container = engine.containers.find(name)
    path = _existing(_home(engine, container, directory) / checkpoint, checkpoint, name)
    await worker.run_blocking(shutil.rmtree, path)


def _home(engine: Engine, container: Container, directory: str) -> Path:
    return Path(directory) if directory else engine.containers.directory(container.id) / "checkpoints"


def _make(path: Path, checkpoint: str, name: str) -> None:
    try:
        path.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        what = f"checkpoint with name {checkpoint} already exists for container {name}"
        raise SystemFailure(
            f"cannot checkpoint container {name}: {what if path.is_dir() else f'{path} exists and is not a directory'}"
        ) from None


def _existing(path: Path, checkpoint: str, name: str) -> Path:
    if not path.exists():
        raise SystemFailure(f"checkpoint {checkpoint} does not exist for container {name}")
    if not path.is_dir():
        raise SystemFailure(f"{path} exists and is not a directory")
    return path


def _names(home: Path) -> list[str]:
    return sorted(entry.name for entry in home.iterdir() if entry.is_dir()) if home.is_dir() else []
