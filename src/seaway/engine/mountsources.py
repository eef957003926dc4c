"""What a bind's source must be before it is mounted. Everything here reads the host's filesystem, and blocks."""

import os
from contextlib import suppress
from pathlib import Path

from seaway.base.errors import InvalidParameter, SystemFailure
from seaway.kernel.mount import mount_holding
from seaway.kernel.paths import DIRECTORY, open_in_root
from seaway.model.mount import MountPoint
from seaway.volumes.spec import bind_source_missing

_FLAGS = {
    os.ST_RDONLY: "ro",
    os.ST_NOSUID: "nosuid",
    os.ST_NODEV: "nodev",
    os.ST_NOEXEC: "noexec",
    os.ST_NOATIME: "noatime",
    os.ST_NODIRATIME: "nodiratime",
}


def require_source(point: MountPoint) -> None:
    """A missing source of `--mount` is refused; one of `-v` is made when the container starts."""
    if point.skip_mountpoint_creation and not os.path.lexists(point.source):
        raise bind_source_missing(point.source)


def make_source(point: MountPoint, owner: tuple[int, int]) -> None:
    """What is made belongs to `owner`."""
    if point.skip_mountpoint_creation or os.path.lexists(point.source):
        return
    try:
        _make_directories(point.source, owner)
    except OSError as err:
        why = f"mkdir {err.filename}: {(err.strerror or '').lower()}"
        raise SystemFailure(f"error while creating mount source path '{point.source}': {why}") from err


def _make_directories(path: str, owner: tuple[int, int]) -> None:
    if os.path.isdir(path):
        return
    _make_directories(os.path.dirname(path), owner)
    with suppress(FileExistsError):
        os.mkdir(path, 0o755)
        os.chown(path, *owner)


def refuse_file(rootfs: Path, destination: str) -> None:
    """An anonymous volume replaces a directory of the image only."""
    root = os.open(rootfs, DIRECTORY | os.O_CLOEXEC)
    try:
        os.close(open_in_root(root, destination, DIRECTORY))
    except NotADirectoryError:
        text = f"cannot mount volume over existing file, file exists {rootfs}{destination}"
        raise InvalidParameter(text) from None
    except OSError:
        pass  # nothing is there
    finally:
        os.close(root)


def flags_of(source: str) -> list[str]:
    """What the mount that it lies on forbids stays forbidden in the container."""
    flags = os.statvfs(source).f_flag
    return [word for flag, word in _FLAGS.items() if flags & flag]


def require_propagation(point: MountPoint) -> None:
    """A bind that shall propagate needs a source that does. Reads /proc."""
    propagation = point.propagation or ""
    if propagation.endswith("shared"):
        held = mount_holding(Path(point.source))
        if not held.is_shared:
            raise SystemFailure(f"path {point.source} is mounted on {held.mount_point} but it is not a shared mount")
    elif propagation.endswith("slave") and point.spec.bind_options and point.spec.bind_options.propagation:
        held = mount_holding(Path(point.source))
        if not (held.is_shared or held.is_slave):
            text = f"path {point.source} is mounted on {held.mount_point} but it is not a shared or slave mount"
            raise SystemFailure(text)
