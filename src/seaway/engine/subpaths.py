"""A directory inside a volume or an image, held by a bind mount so that no link which changes meanwhile leads out.

<staging>/<container id>/<n>    bind mounts; gone when the container has ended, or by `sweep` after a crash
"""

import errno
import os
import shutil
import stat
from pathlib import Path

from seaway.base.errors import InvalidParameter, SystemFailure
from seaway.kernel import mount, paths, worker


class Subpaths:
    def __init__(self, staging: Path) -> None:
        self._staging = staging

    async def stage(self, container_id: str, base: str, subpath: str) -> str:
        """The path to bind instead of `base`/`subpath`. Raises InvalidParameter where there is no such thing inside."""
        return await worker.run_blocking(_stage, self._staging / container_id, base, subpath)

    async def release(self, container_id: str) -> None:
        await worker.run_blocking(_release, self._staging / container_id)

    async def sweep(self) -> None:
        """What a killed engine left: running containers have binds of their own by now."""
        if self._staging.is_dir():
            for directory in self._staging.iterdir():
                await self.release(directory.name)


def _stage(directory: Path, base: str, subpath: str) -> str:
    root = os.open(base, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        source = _open(root, base, subpath)
    finally:
        os.close(root)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        target = directory / str(sum(1 for _ in directory.iterdir()))
        target.mkdir() if stat.S_ISDIR(os.fstat(source).st_mode) else target.touch()
        mount.bind(paths.by_descriptor(source), str(target))
    except OSError as exc:
        raise SystemFailure(f"failed to mount {base}/{subpath}: {os.strerror(exc.errno or 0).lower()}") from exc
    finally:
        os.close(source)
    return str(target)


def _open(root: int, base: str, subpath: str) -> int:
    try:
        return paths.open_beneath(root, subpath)
    except OSError as exc:
        if exc.errno == errno.EXDEV:
            text = f'path concatenation escapes the base directory, base: "{base}", subpath: "{subpath}"'
            raise InvalidParameter(text) from exc
        raise InvalidParameter(f"cannot access path {base}/{subpath}: {os.strerror(exc.errno or 0).lower()}") from exc


def _release(directory: Path) -> None:
    if directory.is_dir():
        for target in directory.iterdir():
            mount.unmount(target)
        shutil.rmtree(directory, ignore_errors=True)
