"""`docker exec`: a further process in a running container, a child of the exec monitor."""

import asyncio
import shutil
from dataclasses import replace
from pathlib import Path

from seaway.base.errors import Conflict, EngineError, InvalidParameter, NotFound, SystemFailure
from seaway.base.ids import new_id
from seaway.base.together import together
from seaway.containers.container import Container
from seaway.containers.execs import Exec, ExecOptions, NoSuchExec
from seaway.containers.task import Status
from seaway.engine import exec_record
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.exec_process import describe, identity_of
from seaway.engine.expect import expect_process
from seaway.kernel import worker
from seaway.kernel.pidfd import kill_all, start_time
from seaway.runtime.bundle import RunDirectory
from seaway.runtime.errors import NOT_EXECUTABLE
from seaway.runtime.exits import Exit
from seaway.runtime.requests import ExecRequest, RunRequest

COLLECT_EVERY_S = 300


async def create_exec(engine: Engine, name: str, options: ExecOptions) -> Exec:
    """Raises UnknownUser here already, as dockerd does since 28."""
    if not options.command:
        raise InvalidParameter("No exec command specified")
    container = engine.containers.find(name)
    _refuse_unless_running(container, name)
    expect_process(engine)
    config = container.config
    options = replace(options, user=options.user or config.user, working_dir=options.working_dir or config.working_dir)
    await identity_of(engine, container, options)
    execution = Exec(new_id(), container.id, options)
    engine.execs.put(execution)
    container_event(engine, container, f"exec_create: {_shown(options)}", execID=execution.id)
    return execution


def executable(engine: Engine, exec_id: str) -> tuple[Exec, Container]:
    """An exec whose container can run it now. Raises NotFound or Conflict."""
    execution = engine.execs.get(exec_id)
    try:
        container = engine.containers.get(execution.container_id)
    except NotFound:
        raise NoSuchExec(exec_id) from None
    _refuse_unless_running(container, container.id)
    return execution, container


async def start_exec(engine: Engine, exec_id: str, console_size: tuple[int, int] | None = None) -> "asyncio.Task[None]":
    """Returns when the process runs; the task is done when its exit code is in the store.

    Raises StartRefused or StartFailed where it cannot run; their exit code is kept too.
    """
    execution, container = executable(engine, exec_id)
    if execution.exit_code is not None:
        raise Conflict(f"exec command {exec_id} has already run")
    if execution.running:
        raise Conflict(f"exec command {exec_id} is already running")
    expect_process(engine)
    engine.execs.put(execution.starting())
    container_event(engine, container, f"exec_start: {_shown(execution.options)}", execID=exec_id)
    try:
        return await _run(engine, container, execution, console_size)
    except EngineError as failure:
        engine.execs.update(execution.ended(getattr(failure, "exit_code", NOT_EXECUTABLE)))
        engine.streams.abandon(exec_id)
        await worker.run_blocking(_discard, run_dir_of(engine, exec_id))
        raise


async def _run(
    engine: Engine, container: Container, execution: Exec, console_size: tuple[int, int] | None
) -> "asyncio.Task[None]":
    run_dir = run_dir_of(engine, execution.id)
    options = execution.options
    size = (console_size or options.console_size) if options.tty else None
    run = _run_of(engine, container)

    process_object, _ = await together(
        describe(engine, container, options, RunDirectory(run.run_dir), size),
        worker.run_blocking(exec_record.write, run_dir, execution),
    )
    request = ExecRequest(
        container_id=container.id,
        exec_id=execution.id,
        run_dir=run_dir,
        terminal=options.tty,
        stdin=options.stdin,
        runtime=run.runtime,
        console_size=size,
    )
    running, exit_of_exec = await engine.runtime.execs.start(request, process_object)
    engine.streams.begin(execution.id, running.channel)
    started = execution.started(running.pid)
    engine.execs.update(started)
    return engine.supervisor.spawn(_watch(engine, container, started, exit_of_exec), "exec")


def _run_of(engine: Engine, container: Container) -> RunRequest:
    if run := engine.runs.request(container.id):
        return run
    raise SystemFailure(f"container {container.id} has no run")


async def _watch(engine: Engine, container: Container, execution: Exec, exit_of_exec: "asyncio.Future[Exit]") -> None:
    began = _began(execution.pid)
    how = await exit_of_exec
    if how.error and began == _began(execution.pid) is not None:
        await worker.run_blocking(kill_all, [execution.pid])  # its monitor is dead: what is told of it comes true
    engine.execs.update(execution.ended(how.code))
    container_event(engine, container, "exec_die", execID=execution.id, exitCode=str(how.code))
    discard = worker.run_blocking(_discard, run_dir_of(engine, execution.id))
    engine.supervisor.spawn(discard, f"remains of exec {execution.id[:12]}")


def _began(pid: int) -> int | None:
    try:
        return start_time(pid)
    except ProcessLookupError:
        return None


async def adopt_execs(engine: Engine) -> None:
    """Those that an earlier engine started: they ran on, and their exit codes are theirs. Containers come first."""
    still_running = dict(await engine.runtime.execs.still_running())
    for execution, run_dir in exec_record.read_all(exec_root(engine)):
        try:
            container = engine.containers.get(execution.container_id)
        except NotFound:
            container = None
        if container is None or container.task.status not in (Status.RUNNING, Status.PAUSED):
            _discard(run_dir)
            continue
        engine.execs.put(execution)
        running = still_running.pop(execution.id, None)
        exit_of_exec = engine.runtime.execs.adopt(execution.id, run_dir, container.id, running)
        if running:
            engine.streams.begin(execution.id, running.channel)
        engine.supervisor.spawn(_watch(engine, container, execution, exit_of_exec), "exec")
    for exec_id, running in still_running.items():
        engine.runtime.execs.drop(exec_id, running)


async def collect_finished(engine: Engine) -> None:
    while True:
        await asyncio.sleep(COLLECT_EVERY_S)
        engine.execs.collect()


def exec_root(engine: Engine) -> Path:
    return engine.run_root.parent / "execs"


def run_dir_of(engine: Engine, exec_id: str) -> Path:
    return exec_root(engine) / exec_id


def _discard(run_dir: Path) -> None:
    shutil.rmtree(run_dir, ignore_errors=True)


def _refuse_unless_running(container: Container, name: str) -> None:
    match container.task.status:
        case Status.RUNNING:
            return
        case Status.PAUSED:
            raise Conflict(f"Container {name} is paused, unpause the container before exec")
        case Status.RESTARTING:
            raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    raise Conflict(f"container {container.id} is not running")


def _shown(options: ExecOptions) -> str:
    """A trailing space where there are no arguments, as dockerd has it."""
    return f"{options.command[0]} {' '.join(options.command[1:])}"
