"""How much a volume holds."""

import os
from pathlib import Path

from seaway.kernel.worker import run_blocking
from seaway.volumes.driver import Volume


async def volume_size(volume: Volume) -> int:
    """-1 where the data is not on this machine, or not to be seen now."""
    return await run_blocking(tree_size, Path(volume.mountpoint)) if volume.mountpoint else -1


def tree_size(path: Path) -> int:
    """The sum of its files' sizes; a file with several links counts once."""
    seen: set[tuple[int, int]] = set()
    total, stack = 0, [str(path)]
    while stack:
        try:
            entries = list(os.scandir(stack.pop()))
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                stack.append(entry.path)
                continue
            info = entry.stat(follow_symlinks=False)
            if (info.st_dev, info.st_ino) not in seen:
                seen.add((info.st_dev, info.st_ino))
                total += info.st_size
    return total
