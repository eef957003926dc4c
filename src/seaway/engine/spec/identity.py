"""Who a container's process runs as, looked up in the container's own files.

The files are opened by openat2(RESOLVE_IN_ROOT): a link in the image leads nowhere but into the image, whatever
changes it meanwhile.
"""

import os
from pathlib import Path

from seaway.containers.container import Container
from seaway.containers.identity import Identity, resolve_identity
from seaway.kernel.paths import open_in_root

LARGEST = 1 << 20


def container_identity(container: Container, rootfs: Path, user: str | None = None) -> Identity:
    """`user` is an exec's, who may differ. Blocks. Raises UnknownUser."""
    groups = [str(g) for g in container.host_config.group_add or ()]
    name = container.config.user if user is None else user
    root = os.open(rootfs, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return resolve_identity(name, _read(root, "etc/passwd"), _read(root, "etc/group"), groups)
    finally:
        os.close(root)


def _read(root: int, name: str) -> str:
    """Empty where there is no such file, or something else of that name."""
    try:
        fd = open_in_root(root, name, os.O_RDONLY | os.O_NONBLOCK)
    except OSError:
        return ""
    with open(fd, "rb") as file:
        try:
            return file.read(LARGEST).decode(errors="replace")
        except OSError:
            return ""
