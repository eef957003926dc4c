"""SELinux labels of files that a container is given: it may touch what has its own label. Everything here blocks."""

from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.containers.container import Container
from seaway.engine.spec.mounts import own_files
from seaway.kernel.selinux import RelabelingRefused, relabel


def label_own_files(directory: Path, container: Container, label: str) -> None:
    """Those that the engine wrote for it, where the user mounts nothing over them."""
    for mount in own_files(directory):
        if mount.destination not in container.mount_points:
            _relabel(mount.source, label)


def _relabel(source: str, label: str) -> None:
    try:
        relabel(source, label)
    except (OSError, RelabelingRefused) as failure:
        raise SystemFailure(f"error setting label on mount source '{source}': {failure}") from failure
