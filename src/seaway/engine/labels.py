"""SELinux labels of files that a container is given: it may touch what has its own label. Everything here blocks."""

import os
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.containers.container import Container
from seaway.engine.spec.mounts import own_files
from seaway.kernel.selinux import RelabelingRefused, relabel
from seaway.model.mount import MountPoint
from seaway.runtime.spec.selinux import shared
from seaway.volumes.driver import LOCAL


def label_own_files(directory: Path, container: Container, label: str) -> None:
    """Those that the engine wrote for it, where the user mounts nothing over them."""
    for mount in own_files(directory):
        if mount.destination not in container.mount_points:
            _relabel(mount.source, mount.source, label)


def label_source(point: MountPoint, source: str, label: str) -> None:
    """What `:z` and `:Z` say of a bind or a volume: `z` lets every container at it, `Z` this one alone. An
    anonymous volume is for all."""
    if point.type not in ("bind", "volume"):
        return
    is_anonymous = point.driver == LOCAL and not point.spec.source
    words = set((point.mode or ("z" if is_anonymous else "")).split(","))
    if words & {"z", "Z"}:
        _relabel(point.source, os.path.realpath(source), shared(label) if "z" in words else label)


def _relabel(shown: str, path: str, label: str) -> None:
    try:
        relabel(path, label)
    except RelabelingRefused as refused:
        reason = str(refused)
    except OSError as failure:
        reason = f"lsetxattr(label={label}) {failure.filename}: {(failure.strerror or '').lower()}"
    else:
        return
    raise SystemFailure(f"error setting label on mount source '{shown}': {reason}")
