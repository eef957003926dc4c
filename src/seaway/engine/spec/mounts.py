"""What is mounted into a container beside the runtime's own: the engine's files, the user's mounts, shm."""

from collections.abc import Iterable
from pathlib import Path

from seaway.engine.spec.namespaces import shares_ipc
from seaway.model.container import HostConfig
from seaway.runtime.spec.request import SpecMount

_NAMES = {"resolv.conf": "/etc/resolv.conf", "hostname": "/etc/hostname", "hosts": "/etc/hosts"}
SHM = "/dev/shm"
# crun binds without the flags of what it binds.
_SAFE = ("nosuid", "nodev", "noexec")


def plan_mounts(host: HostConfig, directory: Path, own: Iterable[SpecMount], shm: Path | None) -> tuple[SpecMount, ...]:
    """`own` are the user's, which win; `directory` is the container's; `shm` another's where that is shared."""
    own = tuple(own)
    ours = (*own_files(directory), *_shm(host, directory, shm))
    taken = {mount.destination for mount in own}
    return (*(mount for mount in ours if mount.destination not in taken), *own)


def shm_directory(directory: Path) -> Path:
    """Where a shareable container's /dev/shm is mounted on the host, as in dockerd."""
    return directory / "mounts" / "shm"


def own_files(directory: Path) -> list[SpecMount]:
    return [
        SpecMount(target, str(directory / name), "bind", ("rbind", "rprivate"))
        for name, target in _NAMES.items()
        if (directory / name).exists()
    ]


def _shm(host: HostConfig, directory: Path, shm: Path | None) -> list[SpecMount]:
    source = shm or (shm_directory(directory) if shares_ipc(host) else None)
    if host.ipc_mode == "host":
        return [SpecMount(SHM, SHM, "bind", ("rbind", "rprivate"))]
    return [SpecMount(SHM, str(source), "bind", ("rbind", "rprivate", *_SAFE))] if source else []
