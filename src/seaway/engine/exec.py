"""`docker exec`: a further process in a running container, under a conmon of its own."""

import asyncio
import shutil
from pathlib import Path

from seaway.base.errors import Conflict, InvalidParameter, SystemFailure
from seaway.base.ids import new_id
from seaway.containers.container import Container
from seaway.containers.execs import Exec, ExecOptions
from seaway.containers.identity import Identity
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.spec import bounding_set, container_identity, environment
from seaway.kernel import worker
from seaway.runtime.errors import StartFailed, StartRefused
from seaway.runtime.exits import Exit
from seaway.runtime.requests import ExecRequest
from seaway.runtime.spec.capabilities import resolve
from seaway.runtime.spec.process import build_process, merge_env
from seaway.runtime.spec.request import ProcessRequest, User

COLLECT_EVERY_S = 300


async def create_exec(engine: Engine, name: str, options: ExecOptions) -> Exec:
    """Raises UnknownUser here already, as dockerd does since 28."""
    if not options.command:
        raise InvalidParameter("No exec command specified")
    container = engine.containers.find(name)
    _refuse_unless_running(container)
    await _identity(engine, container, options)
    execution = Exec(new_id(), container.id, options)
    engine.execs.put(execution)
    container_event(engine, container, f"exec_create: {_shown(options)}", execID=execution.id)
    return execution


async def start_exec(engine: Engine, exec_id: str) -> "asyncio.Future[None]":
    """Returns when the process runs; the future is done when its exit code is in the store.

    Raises StartRefused or StartFailed where it cannot run; their exit code is kept too.
    """
    execution = engine.execs.get(exec_id)
    if execution.running:
        raise Conflict(f"exec command {exec_id} is already running")
    if execution.exit_code is not None:
        raise Conflict(f"exec command {exec_id} has already run")
    container = engine.containers.get(execution.container_id)
    _refuse_unless_running(container)
    request = await _request(engine, container, execution)
    try:
        pid = await engine.runtime.exec(request, lambda: engine.streams.begin(exec_id, request.run_dir))
    except (StartRefused, StartFailed) as failure:
        engine.execs.put(execution.ended(failure.exit_code))
        raise
    engine.execs.put(execution.started(pid))
    container_event(engine, container, f"exec_start: {_shown(execution.options)}", execID=exec_id)
    exit_of_exec = engine.runtime.wait(exec_id)
    return engine.supervisor.spawn(_watch(engine, container, exec_id, exit_of_exec, request.run_dir), "exec")


async def _watch(
    engine: Engine, container: Container, exec_id: str, exit_of_exec: "asyncio.Future[Exit]", run_dir: Path
) -> None:
    how = await exit_of_exec
    engine.execs.put(engine.execs.get(exec_id).ended(how.code))
    container_event(engine, container, "exec_die", execID=exec_id, exitCode=str(how.code))
    await worker.run_blocking(shutil.rmtree, run_dir, ignore_errors=True)


async def collect_finished(engine: Engine) -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY_S)
        engine.execs.collect()


def _refuse_unless_running(container: Container) -> None:
    match container.task.status:
        case Status.RUNNING:
            return
        case Status.PAUSED:
            raise Conflict(f"Container {container.id} is paused, unpause the container before exec")
        case Status.RESTARTING:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    raise Conflict(f"container {container.id} is not running")


async def _request(engine: Engine, container: Container, execution: Exec) -> ExecRequest:
    run = engine.runs.request(container.id)
    if run is None:
        raise SystemFailure(f"container {container.id} has no run")
    options = execution.options
    identity = await _identity(engine, container, options)
    host = container.host_config
    privileged = options.privileged or host.privileged
    process = ProcessRequest(
        args=options.command,
        env=merge_env(environment(container, identity), options.env),
        cwd=options.working_dir or container.config.working_dir or "/",
        user=User(identity.uid, identity.gid, identity.groups),
        terminal=options.tty,
        capabilities=resolve(
            tuple(host.cap_add or ()), tuple(host.cap_drop or ()), bounding_set(), privileged=privileged
        ),
    )
    return ExecRequest(
        container_id=container.id,
        exec_id=execution.id,
        run_dir=engine.run_root.parent / "execs" / execution.id,
        process=build_process(process),
        stdin=options.stdin,
        runtime=run.runtime,
    )


async def _identity(engine: Engine, container: Container, options: ExecOptions) -> Identity:
    rootfs = await engine.layers.mount(container.id)
    try:
        return await worker.run_blocking(container_identity, container, rootfs, options.user or None)
    finally:
        await engine.layers.unmount(container.id)


def _shown(options: ExecOptions) -> str:
    """A trailing space where there are no arguments, as dockerd has it."""
    return f"{options.command[0]} {' '.join(options.command[1:])}"
