"""Which namespaces a container gets: its own, the host's, or another container's (inventory A4)."""

from pathlib import Path

from seaway.base.errors import EngineError, SystemFailure
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.containers.task import Status
from seaway.kernel.netns import user_namespace_of
from seaway.model.container import HostConfig
from seaway.model.modes import shared_with
from seaway.runtime.spec.request import Namespaces


class JoinRefused(SystemFailure):
    """Whatever is wrong with what is to be joined: dockerd answers 500 at the start."""


def plan_namespaces(
    container: Container, containers: ContainerStore, netns_path: str | None, *, remapped: bool = False
) -> Namespaces:
    """A network namespace belongs to a user namespace: who is remapped lives in both. Raises JoinRefused."""
    host = container.host_config
    return Namespaces(
        network=netns_path or "host",
        ipc=_ipc(host, containers),
        pid=_pid(host, containers),
        uts="host" if host.uts_mode == "host" else "private",
        cgroup="private" if host.cgroupns_mode == "private" else "host",
        user=_user(netns_path) if remapped else "host",
    )


def _user(netns_path: str | None) -> str:
    owner = user_namespace_of(Path(netns_path)) if netns_path else None
    return str(owner) if owner and owner.exists() else "private"


def shares_ipc(host: HostConfig) -> bool:
    """Whether others may join: then /dev/shm is a mount of the host's, which they can have too. Records of old
    daemons have no mode, and meant this."""
    return host.ipc_mode in ("shareable", "")


def _ipc(host: HostConfig, containers: ContainerStore) -> str:
    name = shared_with(host.ipc_mode)
    if name is None:
        return "host" if host.ipc_mode == "host" else "private"
    what = "failed to join IPC namespace"
    other = _running(name, containers, what)
    if not shares_ipc(other.host_config):
        hint = "non-shareable IPC (hint: use IpcMode:shareable for the donor container)"
        raise JoinRefused(f"{what}: container {name}: {hint}")
    return f"/proc/{other.task.pid}/ns/ipc"


def _pid(host: HostConfig, containers: ContainerStore) -> str:
    name = shared_with(host.pid_mode)
    if name is None:
        return "host" if host.pid_mode == "host" else "private"
    return f"/proc/{_running(name, containers, 'failed to join PID namespace').task.pid}/ns/pid"


def _running(name: str, containers: ContainerStore, what: str) -> Container:
    try:
        other = containers.find(name)
    except EngineError as missing:
        raise JoinRefused(f"{what}: {missing}") from missing
    if other.task.status is Status.RESTARTING:
        raise JoinRefused(f"{what}: Container {name} is restarting, wait until the container is running")
    if not other.task.is_running:
        raise JoinRefused(f"{what}: container {name} is not running")
    return other
