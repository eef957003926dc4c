"""A container's working directory is there from its creation, as in dockerd: made where the image lacks it."""

import os
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.engine.context import Engine
from seaway.kernel import paths, worker


async def make_working_directory(engine: Engine, container_id: str, working_dir: str) -> None:
    """Most images have theirs, which is seen without mounting it. Raises SystemFailure where a file is in the way."""
    wanted = os.path.normpath(working_dir or "/")
    if wanted == "/" or await engine.layers.has_directory(container_id, wanted):
        return
    rootfs = await engine.layers.mount(container_id)
    try:
        await worker.run_blocking(_make, rootfs, wanted, engine.settings.ids.root)
    finally:
        await engine.layers.unmount(container_id)


def _make(rootfs: Path, wanted: str, owner: tuple[int, int]) -> None:
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(paths.make_directories(root, wanted, owner=owner))
    except NotADirectoryError as failure:
        raise SystemFailure(f"Cannot mkdir: {wanted} is not a directory") from failure
    except OSError as failure:
        raise SystemFailure(f"mkdir {wanted}: {(failure.strerror or '').lower()}") from failure
    finally:
        os.close(root)
