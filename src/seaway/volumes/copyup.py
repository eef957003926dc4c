"""Fills an empty volume with what the image has where it is mounted: contents, owner, mode, times and xattrs.

Copied into a directory beside the volume's and put in its place by one rename, so that a volume is never half full:

<volume's directory>/../filling    the copy; a leftover of a killed engine is removed by the next one
"""

import contextlib
import os
import shutil
from pathlib import Path

from seaway.base.failpoints import failpoint
from seaway.kernel.paths import DIRECTORY, open_in_root
from seaway.kernel.treecopy import TreeCopy

STAGING = "filling"


def copy_up(rootfs: Path, destination: str, volume_dir: Path, *, staged: bool) -> bool:
    """False where there is nothing to do: no such directory in the image, or the volume has data. Links on the way
    to `destination` are followed inside `rootfs`. `staged`: nobody has the volume mounted, its directory may change.
    Raises NotADirectoryError where the image has a file there."""
    if next(volume_dir.iterdir(), None) is not None:
        return False
    source = _open_source(rootfs, destination)
    if source is None:
        return False
    try:
        if staged:
            _fill_staged(source, volume_dir)
        else:
            _fill(source, volume_dir)
    finally:
        os.close(source)
    return True


def remove_leftover(volume_dir: Path) -> None:
    shutil.rmtree(volume_dir.with_name(STAGING), ignore_errors=True)


def _open_source(rootfs: Path, destination: str) -> int | None:
    root = os.open(rootfs, DIRECTORY | os.O_CLOEXEC)
    try:
        return open_in_root(root, destination, DIRECTORY)
    except FileNotFoundError:
        return None
    finally:
        os.close(root)


def _fill_staged(source: int, volume_dir: Path) -> None:
    staging = volume_dir.with_name(STAGING)
    remove_leftover(volume_dir)
    staging.mkdir(mode=0o700)
    try:
        _fill(source, staging)
        failpoint("copy-up: copied")
        os.rename(staging, volume_dir)
    except BaseException:
        remove_leftover(volume_dir)
        raise


def _fill(source: int, target: Path) -> None:
    made = os.open(target, DIRECTORY | os.O_CLOEXEC)
    with contextlib.ExitStack() as undo:
        undo.callback(os.close, made)
        TreeCopy().run(source, made)
