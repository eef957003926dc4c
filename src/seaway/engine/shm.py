"""/dev/shm of a container that others may join: a tmpfs on the host, which all of them mount (`--ipc shareable`)."""

from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.containers.container import Container
from seaway.engine.context import Engine
from seaway.engine.spec.mounts import shm_directory
from seaway.engine.spec.namespaces import shares_ipc
from seaway.kernel import mount, selinux, syscalls, worker

_FLAGS = syscalls.MS_NOEXEC | syscalls.MS_NOSUID | syscalls.MS_NODEV


async def begin(engine: Engine, container: Container) -> None:
    if shares_ipc(container.host_config):
        where, label = shm_directory(engine.containers.directory(container.id)), engine.layers.label_of(container.id)
        await worker.run_blocking(_mount, where, container.host_config.shm_size, engine.settings.ids.root, label)


async def end(engine: Engine, container: Container) -> None:
    """Those who joined keep theirs."""
    if shares_ipc(container.host_config):
        await worker.run_blocking(mount.unmount, shm_directory(engine.containers.directory(container.id)))


def _mount(where: Path, size_bytes: int, owner: tuple[int, int], label: str) -> None:
    where.mkdir(mode=0o700, parents=True, exist_ok=True)
    mount.unmount(where)  # an engine that was killed may have left one
    try:
        options = "mode=1777,size={},uid={},gid={}".format(size_bytes, *owner) + selinux.context_option(label)
        syscalls.mount("shm", str(where), "tmpfs", _FLAGS, options)
    except OSError as failure:
        raise SystemFailure(f"mounting shm tmpfs: {failure}") from failure
