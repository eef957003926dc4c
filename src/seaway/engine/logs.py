"""Each container's log: conmon's spool shipped into the driver while it runs, and read back for `docker logs`."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from seaway.base.errors import EngineError, SystemFailure
from seaway.base.supervisor import Supervisor
from seaway.containers.container import Container
from seaway.containers.store import ContainerStore
from seaway.engine.settings import Settings
from seaway.kernel import worker
from seaway.logs.driver import ContainerInfo, LogDriver
from seaway.logs.drivers import log_drivers, make_driver, validate_log_options
from seaway.logs.options import inherited
from seaway.logs.runlog import Reopen, RunLog, next_run_log
from seaway.logs.shipper import Shipper
from seaway.logs.watcher import SpoolWatcher
from seaway.model.container import HostConfig
from seaway.runtime.control import ProcessEnded
from seaway.runtime.crun import Runtime

LAST_LINES_S = 2.0


class LoggingFailed(SystemFailure):
    pass


class ContainerLogs:
    def __init__(
        self, settings: Settings, containers: ContainerStore, runtime: Runtime, supervisor: Supervisor
    ) -> None:
        self._settings, self._containers = settings, containers
        self._runtime, self._supervisor = runtime, supervisor
        self._watcher = SpoolWatcher()
        self._held: dict[str, RunLog] = {}

    def start(self) -> None:
        self._supervisor.spawn(self._watcher.run(), "log spools", service=True)

    def close(self) -> None:
        self._watcher.close()

    def with_driver(self, host_config: HostConfig) -> HostConfig:
        """The driver that a new container gets. Raises InvalidLogOption."""
        chosen = inherited(host_config.log_config, self._settings.defaults.log)
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

    async def open(self, container: Container) -> None:
        """Before a start. Raises LoggingFailed where the driver cannot take anything."""
        driver = self._made(container)
        if not log_drivers()[container.host_config.log_config.type].is_remote:
            return
        try:
            await worker.apart(driver.open)
        except EngineError as failure:
            raise LoggingFailed(f"failed to initialize logging driver: {failure}") from failure
        finally:
            driver.close()

    def begin(self, container: Container, run_dir: Path) -> None:
        """The run has its conmon; on adoption too."""
        if not self.spool(container):
            return
        held = self._held[container.id] = self._next_run(container, self._reopen(run_dir))
        for shipper in held.shippers:
            changed = self._watcher.watch(self._directory(container.id))
            changed.set()
            self._supervisor.spawn(shipper.run(changed), f"logs {container.short_id}", service=True)

    def output_ended(self, container_id: str) -> None:
        """Those who hear of the run's end find the whole log, an unfinished last line included."""
        if held := self._held.get(container_id):
            held.output_ended = True

    async def finish(self, container_id: str, *, last: bool = False) -> None:
        """The run's output has ended. Where other machines take it, they may do so later. After its `last` run the
        container is removed, which waits some seconds for lines that somebody may still want."""
        if not (held := self._held.get(container_id)):
            return
        self._watcher.unwatch(self._directory(container_id))
        if held.readable:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_LINES_S if last else None):
                    await held.readable.finish()
        self._finish_remote(held, container_id)
        if last and held.finishing:
            await asyncio.wait([held.finishing], timeout=LAST_LINES_S)

    async def reader(self, container: Container) -> Shipper:
        """What `docker logs` reads from. A container that does not run is shipped to its end first."""
        if not (held := self._held.get(container.id)):
            held = self._held[container.id] = self._next_run(container, None)  # one for all who read meanwhile
            if held.readable:
                await held.readable.finish()
            if held.remote and self.has_unshipped(container):
                self._finish_remote(held, container.id)
        elif held.output_ended and held.readable:
            await held.readable.finish()
        return next(iter(held.shippers))

    def has_unshipped(self, container: Container) -> bool:
        """The engine was killed between the end of a run and the last of its lines."""
        return self.spool(container) is not None and any(self._directory(container.id).glob("log*"))

    def forget(self, container_id: str) -> None:
        if held := self._held.pop(container_id, None):
            held.end_finishing()
            for shipper in held.shippers:
                shipper.abandon()

    def _next_run(self, container: Container, reopen: Reopen | None) -> RunLog:
        kind, info = container.host_config.log_config.type, container_info(self._containers, container)
        return next_run_log(kind, info, self._directory(container.id), reopen, self._held.get(container.id))

    def _finish_remote(self, held: RunLog, container_id: str) -> None:
        if held.remote and not held.remote.has_ended:
            held.pieces.retire()
            work = held.remote.finish_some_time()
            held.finishing = self._supervisor.spawn(work, f"last log lines {container_id[:12]}", service=True)

    def _made(self, container: Container) -> LogDriver:
        try:
            return make_driver(container.host_config.log_config.type, container_info(self._containers, container))
        except EngineError as failure:
            raise LoggingFailed(f"failed to initialize logging driver: {failure}") from failure

    def _directory(self, container_id: str) -> Path:
        return self._containers.directory(container_id) / "seaway"

    def _reopen(self, run_dir: Path) -> Reopen:
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
        command=" ".join([container.path, *container.args]),
        created=container.created,
    )
