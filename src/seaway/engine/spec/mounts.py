"""What is mounted into a container beside the runtime's own: the engine's files, binds and volumes, tmpfs, shm."""

from pathlib import Path

from seaway.containers.container import Container
from seaway.engine.spec.namespaces import shares_ipc
from seaway.model.container import HostConfig
from seaway.runtime.spec.request import SpecMount

_NAMES = {"resolv.conf": "/etc/resolv.conf", "hostname": "/etc/hostname", "hosts": "/etc/hosts"}
SHM = "/dev/shm"


def plan_mounts(container: Container, directory: Path, shm: Path | None) -> tuple[SpecMount, ...]:
    """`directory` is the container's own; `shm` is another's /dev/shm where that is shared."""
    own = _binds(container), _tmpfs(container.host_config)
    taken = {mount.destination for mounts in own for mount in mounts}
    files = [m for m in _own_files(directory) if m.destination not in taken]
    shared = [] if SHM in taken else _shm(container.host_config, directory, shm)
    return (*files, *own[0], *own[1], *shared)


def shm_directory(directory: Path) -> Path:
    """Where a shareable container's /dev/shm is mounted on the host, as in dockerd."""
    return directory / "mounts" / "shm"


def _own_files(directory: Path) -> list[SpecMount]:
    return [
        SpecMount(target, str(directory / name), "bind", ("rbind", "rprivate"))
        for name, target in _NAMES.items()
        if (directory / name).exists()
    ]


def _binds(container: Container) -> list[SpecMount]:
    """A parent comes before what is mounted inside it."""
    points = sorted(container.mount_points.values(), key=lambda m: m.destination.count("/"))
    return [
        SpecMount(m.destination, m.source, "bind", ("rbind", m.propagation or "rprivate", "rw" if m.rw else "ro"))
        for m in points
        if m.type in ("bind", "volume")
    ]


def _tmpfs(host: HostConfig) -> list[SpecMount]:
    wanted = host.tmpfs if isinstance(host.tmpfs, dict) else {}
    return [
        SpecMount(target, "tmpfs", "tmpfs", ("noexec", "nosuid", "nodev", *filter(None, options.split(","))))
        for target, options in wanted.items()
    ]


def _shm(host: HostConfig, directory: Path, shm: Path | None) -> list[SpecMount]:
    source = shm or (shm_directory(directory) if shares_ipc(host) else None)
    if host.ipc_mode == "host":
        source = Path(SHM)
    return [SpecMount(SHM, str(source), "bind", ("rbind", "rprivate"))] if source else []
