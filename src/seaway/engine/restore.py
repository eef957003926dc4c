"""A new engine takes over from the last one: running containers are adopted, ended ones get their true exit code.

conmon kept each container's streams, log and exit file meanwhile; nothing of a run is in the old engine's memory.
"""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import msgspec

from seaway.base import clock, gojson
from seaway.base.errors import EngineError
from seaway.containers.container import Container
from seaway.containers.restart import restarts_with_engine
from seaway.containers.store import ContainerStore
from seaway.containers.task import Status
from seaway.engine import remove, start
from seaway.engine.context import Engine
from seaway.engine.endpoints import is_user_defined
from seaway.engine.exec import adopt_execs
from seaway.engine.links import linked_containers
from seaway.engine.sweep import surviving_run
from seaway.model.modes import shared_with
from seaway.model.network import EndpointSettings, PortBinding
from seaway.networks.controller import Joined
from seaway.networks.files import ExternalServer
from seaway.networks.sandbox import Sandbox
from seaway.runtime.attach import AttachChannel
from seaway.runtime.requests import RunRequest

log = logging.getLogger(__name__)
LOST_EXIT_CODE = 255
CLUSTER_TIMEOUT_S = 60.0
NEEDED_WITHIN_S = 5.0


async def record_ends(engine: Engine) -> None:
    """The records are loaded: what they say of runs that ended without an engine comes true, for whoever reads them."""
    await asyncio.gather(*(_record_end(engine, container) for container in engine.containers.all()))


async def _record_end(engine: Engine, container: Container) -> None:
    if not container.task.is_running or surviving_run(container, engine.run_root):
        return
    is_waiting = container.task.status is Status.RESTARTING
    try:
        await engine.containers.update(container.id, _ended if is_waiting else _lost)
    except OSError as failure:
        log.error("failed to restore container %s: %s", container.id, failure)


async def restore(engine: Engine) -> None:
    """What runs is adopted; what starts or goes with the engine does so in the background. All has been swept."""
    await adopt_execs(engine)
    containers = engine.containers.all()
    kept = [(c, run_dir) for c in containers if (run_dir := surviving_run(c, engine.run_root))]
    spawn = engine.supervisor.spawn
    engine.adoption.begin({c.id: spawn(_adopted(engine, c, run), f"adoption of {c.short_id}") for c, run in kept})
    due = [c for c in containers if not c.task.is_running and _settle(engine, c)]
    starting: dict[str, asyncio.Task[None]] = {}
    for container in due:
        again = _start_again(engine, container, starting)
        starting[container.id] = spawn(again, f"restart {container.short_id}")
    if await engine.adoption.of_all():
        await engine.mounts.sweep()


def _settle(engine: Engine, container: Container) -> bool:
    """Of one that does not run. Whether it is to start with the engine."""
    if container.task.status is Status.DEAD or container.host_config.auto_remove:
        engine.supervisor.spawn(_remove(engine, container), f"removal {container.short_id}")
        return False
    if engine.logs.has_unshipped(container):
        engine.supervisor.spawn(engine.logs.reader(container), f"logs {container.short_id}")
    return _should_start(container)


async def _adopted(engine: Engine, container: Container, run_dir: Path) -> None:
    try:
        await _adopt(engine, container, run_dir)
    except (EngineError, OSError) as failure:
        log.error("failed to restore container %s: %s", container.id, failure)


async def _adopt(engine: Engine, container: Container, run_dir: Path) -> None:
    """An exit file that is there already ends the run at once, with its true code."""
    exit_of_run = engine.runtime.adopt(run_dir, container.id)
    runtime = container.host_config.runtime or engine.default_runtime
    engine.runs.began(RunRequest(container_id=container.id, run_dir=run_dir, spec={}, runtime=runtime))
    await engine.layers.mount(container.id)  # counts it: the last engine's mount is found again
    await engine.mounts.adopt(container)
    engine.logs.begin(container, run_dir)
    try:
        engine.streams.begin(container.id, await AttachChannel.connect(run_dir))
    except (FileNotFoundError, ConnectionRefusedError):
        pass  # it ended while no engine ran; its log is complete
    engine.runs.follow(container.id, exit_of_run)


async def _remove(engine: Engine, container: Container) -> None:
    """A removal that was cut short, or one that was due (`--rm`)."""
    try:
        await remove.remove_container(engine, container.id, force=True, volumes=container.host_config.auto_remove)
    except EngineError as failure:
        log.error("failed to remove container %s: %s", container.id, failure)


def _lost(container: Container) -> Container:
    task = container.task.exited(LOST_EXIT_CODE, clock.now(), oom_killed=False, restarting=False)
    return msgspec.structs.replace(container, task=task)


def _ended(container: Container) -> Container:
    return msgspec.structs.replace(container, task=container.task.moved("exit"))


def _should_start(container: Container) -> bool:
    return container.started_before and restarts_with_engine(
        container.host_config.restart_policy,
        exit_code=container.task.exit_code,
        stopped_by_user=container.stopped_by_user,
        restarts=container.restart_count,
    )


def needed_first(container: Container, containers: ContainerStore) -> set[str]:
    """The IDs of those that it links to, and of those whose namespaces it joins."""
    host = container.host_config
    found = {target.id for target in linked_containers(container, containers)}
    for name in filter(None, map(shared_with, (host.network_mode, host.ipc_mode, host.pid_mode))):
        with suppress(EngineError):
            found.add(containers.find(name).id)
    return found - {container.id}


async def _start_again(engine: Engine, container: Container, starting: "Mapping[str, asyncio.Task[None]]") -> None:
    """After those that it needs, which are given a while."""
    needed = needed_first(container, engine.containers)
    if before := [starting[other] for other in needed if other in starting]:
        await asyncio.wait(before, timeout=NEEDED_WITHIN_S)
    networks = [e.network_id for name, e in container.endpoints.items() if is_user_defined(name)]
    try:
        await engine.networks.controller.wait_for_cluster(networks, CLUSTER_TIMEOUT_S)
        await start.start_container(engine, container.id)
    except EngineError as failure:
        log.error("failed to start container %s: %s", container.id, failure)


def joined_before(containers: ContainerStore, runs: Path) -> dict[str, Joined]:
    """The sandboxes of those that still run, as the network controller must know them again."""
    return {c.id: Joined(c.name, _sandbox(c)) for c in containers.all() if c.sandbox and surviving_run(c, runs)}


def _sandbox(container: Container) -> Sandbox:
    key = container.sandbox.get("Key", "")
    ports = gojson.convert(container.sandbox.get("Ports") or {}, dict[str, list[PortBinding] | None])
    servers = [ExternalServer(address, in_host=host) for address, host in container.sandbox.get("Servers") or ()]
    in_host = any(name == "host" for name in container.endpoints)
    beside = container.sandbox.get("Gateway")
    return Sandbox(
        id=container.sandbox["ID"],
        netns_path=None if in_host else Path(key),
        endpoints=container.endpoints,
        ports=ports,
        servers=servers,
        gateway=gojson.convert(beside, EndpointSettings) if beside else None,
    )
