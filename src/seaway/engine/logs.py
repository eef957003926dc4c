"""Each container's log: conmon's spool shipped into the driver while it runs, and read back for `docker logs`."""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import msgspec

from seaway.base.supervisor import Supervisor
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.logs.driver import ContainerInfo, LogDriver
from seaway.logs.drivers import make_driver
from seaway.logs.options import validate_log_options
from seaway.logs.shipper import Shipper
from seaway.logs.watcher import SpoolWatcher
from seaway.model.container import HostConfig, LogConfig
from seaway.runtime.control import ProcessEnded
from seaway.runtime.crun import Runtime


class ContainerLogs:
    """`default` is the engine's `--log-driver` with its `--log-opt`s."""

    def __init__(
        self, default: LogConfig, containers: ContainerStore, runtime: Runtime, supervisor: Supervisor
    ) -> None:
        self._default, self._containers = default, containers
        self._runtime, self._supervisor = runtime, supervisor
        self._watcher = SpoolWatcher()
        self._shippers: dict[str, Shipper] = {}

    def start(self) -> None:
        self._supervisor.spawn(self._watcher.run(), "log spools", service=True)

    def close(self) -> None:
        self._watcher.close()

    def with_driver(self, host_config: HostConfig) -> HostConfig:
        """The driver that a new container gets. Raises InvalidLogOption."""
        asked = host_config.log_config
        if not asked.type:
            chosen = LogConfig(type=self._default.type, config={**self._default.config, **asked.config})
        else:
            chosen = asked
        validate_log_options(chosen.type, chosen.config)
        return msgspec.structs.replace(host_config, log_config=chosen)

    def log_path(self, container_id: str, host_config: HostConfig) -> str:
        """Where tools find json-file's log; "" for the other drivers."""
        is_file = host_config.log_config.type == "json-file"
        return str(self._containers.directory(container_id) / f"{container_id}-json.log") if is_file else ""

    def spool(self, container: Container) -> Path | None:
        """The file that conmon writes; None where no log is kept."""
        kept = container.host_config.log_config.type != "none"
        return self._directory(container.id) / "log" if kept else None

    def begin(self, container: Container, run_dir: Path) -> None:
        """The run has its conmon; on adoption too."""
        if not (spool := self.spool(container)):
            return
        shipper = self._shippers[container.id] = Shipper(spool.parent, self._driver(container), self._reopen(run_dir))
        changed = self._watcher.watch(spool.parent)
        changed.set()
        self._supervisor.spawn(shipper.run(changed), f"logs {container.short_id}", service=True)

    async def finish(self, container_id: str) -> None:
        """The run's output has ended."""
        if shipper := self._shippers.get(container_id):
            await shipper.finish()
            self._watcher.unwatch(self._directory(container_id))

    async def reader(self, container: Container) -> Shipper:
        """What `docker logs` reads from. A container that does not run is shipped to its end first."""
        if found := self._shippers.get(container.id):
            return found
        shipper = Shipper(self._directory(container.id), self._driver(container))
        await shipper.finish()
        return shipper

    def has_unshipped(self, container: Container) -> bool:
        """The engine was killed between the end of a run and the last of its lines."""
        return self.spool(container) is not None and any(self._directory(container.id).glob("log*"))

    def forget(self, container_id: str) -> None:
        self._shippers.pop(container_id, None)

    def _directory(self, container_id: str) -> Path:
        return self._containers.directory(container_id) / "seaway"

    def _driver(self, container: Container) -> LogDriver:
        return make_driver(container.host_config.log_config.type, container_info(self._containers, container))

    def _reopen(self, run_dir: Path) -> Callable[[], Awaitable[None]]:
        async def reopen() -> None:
            try:
                self._runtime.reopen_log(run_dir)
            except ProcessEnded:
                pass  # nobody writes to the old file any more

        return reopen


def container_info(containers: ContainerStore, container: Container) -> ContainerInfo:
    options: Mapping[str, str] = container.host_config.log_config.config
    return ContainerInfo(
        id=container.id,
        directory=containers.directory(container.id),
        name=container.name,
        image_id=container.image,
        image_name=container.config.image,
        labels=container.config.labels or {},
        env=container.config.env or (),
        options=options,
    )
