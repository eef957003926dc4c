"""`POST /containers/{id}/start`: from the record to a running process, undone step by step where a step fails."""

import logging
import secrets
import shutil
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import msgspec

from seaway.base import clock
from seaway.base.errors import Conflict, EngineError, InvalidParameter, NotModified, SystemFailure
from seaway.base.phases import phase
from seaway.base.together import together
from seaway.containers.container import Container
from seaway.containers.health import health_at_start
from seaway.containers.task import Status
from seaway.engine import aftermath, remove, shm
from seaway.engine.checkpoints import find_checkpoint
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.expect import expect_process
from seaway.engine.joining import Joined
from seaway.engine.labels import label_own_files
from seaway.engine.networks import endpoint_events, refresh_parents
from seaway.engine.spec import Surroundings, confine, container_spec, labels_of, surroundings
from seaway.kernel import cgroup, worker
from seaway.runtime.attach import AttachChannel
from seaway.runtime.errors import OTHER
from seaway.runtime.requests import RunRequest
from seaway.runtime.spec.request import SpecMount

log = logging.getLogger(__name__)


async def start_container(engine: Engine, name: str, checkpoint: str = "", checkpoint_dir: str = "") -> None:
    """Raises NotModified where it runs already; StartRefused and StartFailed carry the exit code that is kept."""
    container_id = engine.containers.find(name).id
    try:
        async with engine.locks.hold(container_id):
            container = engine.containers.get(container_id)
            _refuse_unstartable(container)
            source = find_checkpoint(engine, container, checkpoint, checkpoint_dir) if checkpoint else None
            engine.restarts.begin_anew(container_id)
            await start_locked(engine, container, by_user=True, checkpoint=source)
    except _StartFailed as failed:
        if failed.container.host_config.auto_remove:
            await remove.remove_ended(engine, container_id)
        raise failed.reason from None


class _StartFailed(EngineError):
    """The attempt was made, and the record says how it failed."""

    def __init__(self, container: Container, reason: EngineError) -> None:
        super().__init__(str(reason))
        self.container, self.reason = container, reason


def _refuse_unstartable(container: Container) -> None:
    match container.task.status:
        case Status.PAUSED:
            raise Conflict("cannot start a paused container, try unpause instead")
        case Status.RUNNING | Status.RESTARTING:
            raise NotModified("container is already running")
        case Status.REMOVING | Status.DEAD:
            raise Conflict("container is marked for removal and cannot be started")


async def start_locked(engine: Engine, container: Container, *, by_user: bool, checkpoint: Path | None = None) -> None:
    """The container's lock is held by the caller. A start by the user forgets what came before: restarts, a stop."""
    try:
        with engine.metrics.containers.time("start"):
            await _start(engine, container, checkpoint, by_user=by_user)
    except Exception as failure:
        code, text = getattr(failure, "exit_code", OTHER), str(failure)
        await engine.containers.update(container.id, lambda c: _failed(c, code, text))
        engine.streams.abandon(container.id)
        if not isinstance(failure, EngineError):
            raise  # a bug, but nobody who waits for the container waits for ever
        raise _StartFailed(container, failure) from failure


async def _start(engine: Engine, container: Container, checkpoint: Path | None, *, by_user: bool) -> None:
    expect_process(engine)
    await aftermath.cleared(engine, container.id)
    async with AsyncExitStack() as undo:
        (rootfs, mounts), joined = await together(_mount(engine, container, undo), _join(engine, container, undo))
        with phase("spec"):
            around = surroundings(container, engine.containers, engine.settings, joined.netns_path, mounts)
            await confine(container)
            spec = await worker.run_blocking(_spec, container, rootfs, around)
        await engine.logs.open(container)
        request = _request(engine, container, spec, checkpoint)
        undo.push_async_callback(_discard, engine, request)
        with phase("create"):
            pid = await engine.runtime.create(request)
        with phase("streams"):
            engine.streams.begin(container.id, await AttachChannel.connect(request.run_dir))
            engine.logs.begin(container, request.run_dir)
        engine.runs.began(request)
        exit_of_run = engine.runtime.wait(container.id)
        if not checkpoint:  # what comes out of one runs already
            with phase("start"):
                await engine.runtime.start(container.id, request.runtime)
        with phase("record"):
            started = await engine.containers.update(
                container.id, lambda c: _started(c, pid, request.run_dir.name, joined, by_user=by_user)
            )
        undo.pop_all()
    await refresh_parents(engine, started)
    endpoint_events(engine, started, "connect")
    container_event(engine, started, "start")
    engine.runs.follow(started.id, exit_of_run)


async def _mount(engine: Engine, container: Container, undo: AsyncExitStack) -> tuple[Path, tuple[SpecMount, ...]]:
    with phase("mount"):
        undo.push_async_callback(engine.layers.unmount, container.id)
        rootfs = await engine.layers.mount(container.id)
        undo.push_async_callback(shm.end, engine, container)
        await shm.begin(engine, container)
        undo.push_async_callback(engine.mounts.end, container)
        try:
            return rootfs, await engine.mounts.begin(container)
        except InvalidParameter as invalid:
            raise SystemFailure(str(invalid)) from invalid  # as all that is found wrong so late


async def _join(engine: Engine, container: Container, undo: AsyncExitStack) -> Joined:
    with phase("network"), engine.metrics.networks.time("allocate"):
        undo.push_async_callback(engine.networks.leave, container.id)
        return await engine.networks.join(container)


def _spec(container: Container, rootfs: Path, around: Surroundings) -> dict[str, Any]:
    around.directory.joinpath("seaway").mkdir(mode=0o700, exist_ok=True)  # the log's
    if label := labels_of(container, around.defaults).mount:
        label_own_files(around.directory, container, label)
    return container_spec(container, rootfs, around)


async def _discard(engine: Engine, request: RunRequest) -> None:
    """Whatever the runtime says, and whether it can: a failed one leaves its cgroup, and what runs in it."""
    try:
        await engine.runtime.delete(request.container_id, request.runtime, force=True)
    except SystemFailure as failure:
        log.warning("cleaning up after the runtime of %s: %s", request.container_id, failure)
    if ":" not in (group := request.spec["linux"]["cgroupsPath"]):  # systemd ends its own
        await worker.run_blocking(cgroup.remove_group, group)
    await worker.run_blocking(shutil.rmtree, request.run_dir.parent, ignore_errors=True)


def _request(engine: Engine, container: Container, spec: dict[str, Any], checkpoint: Path | None) -> RunRequest:
    run = secrets.token_hex(8)
    config = container.config
    return RunRequest(
        container_id=container.id,
        run_dir=engine.run_root / container.id / run,
        spec=spec,
        log_path=engine.logs.spool(container),
        terminal=config.tty,
        stdin=config.open_stdin,
        leave_stdin_open=config.open_stdin and not config.stdin_once,
        runtime=container.host_config.runtime or engine.default_runtime,
        checkpoint=checkpoint,
    )


def _started(container: Container, pid: int, run: str, joined: Joined, *, by_user: bool) -> Container:
    return msgspec.structs.replace(
        container,
        task=container.task.started(pid, clock.now()),
        run=run,
        endpoints=joined.endpoints,
        sandbox=joined.sandbox,
        started_before=True,
        health=health_at_start(container.config.healthcheck, container.health),
        stopped_by_user=container.stopped_by_user and not by_user,
        restart_count=0 if by_user else container.restart_count,
    )


def _failed(container: Container, code: int, text: str) -> Container:
    return msgspec.structs.replace(container, task=container.task.failed_to_start(code, text))
