"""Health checks: each run of a container that has one is probed by an exec, at its interval, until the run ends.

What a probe says goes through `containers.health` into the record, and a change of the status becomes an event. An
engine that adopts a run goes on probing it with the health that the record has.
"""

import asyncio
import signal
from dataclasses import dataclass

import msgspec

from seaway.base import clock
from seaway.base.errors import EngineError, NotFound
from seaway.base.units import format_duration
from seaway.containers.container import Container
from seaway.containers.execs import ExecOptions
from seaway.containers.health import MAX_OUTPUT_BYTES, STARTING, ProbeResult, Timing, probe_command, probe_timing
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.engine.exec import create_exec, start_exec
from seaway.engine.streams import Client
from seaway.kernel.pidfd import PidFd
from seaway.model.container import Healthcheck
from seaway.runtime.exits import Exit

GIVEN_UP = -1
_DRAIN_S = 1.0


def follow_runs(engine: Engine) -> None:
    def follow(container_id: str, exit_of_run: "asyncio.Future[Exit]") -> None:
        container = engine.containers.get(container_id)
        if (probe := _probe_of(container)) and not exit_of_run.done():
            work = _probe_until(engine, container, probe, exit_of_run)
            engine.supervisor.spawn(work, f"health {container.short_id}", service=True)

    engine.runs.add_follower(follow)


@dataclass(frozen=True, slots=True)
class _Probe:
    command: tuple[str, ...]
    timing: Timing


def _probe_of(container: Container) -> _Probe | None:
    check = container.config.healthcheck
    if not isinstance(check, Healthcheck):
        return None
    shell = container.config.shell
    command = probe_command(check, shell if isinstance(shell, list) else [])
    return _Probe(tuple(command), probe_timing(check)) if command else None


async def _probe_until(
    engine: Engine, container: Container, probe: _Probe, exit_of_run: "asyncio.Future[Exit]"
) -> None:
    started_ns = clock.parse_time(container.task.started_at)
    while True:
        await asyncio.wait([exit_of_run], timeout=_interval_s(engine, container.id, probe.timing, started_ns))
        if exit_of_run.done():
            return
        if not _can_be_probed(engine, container):
            continue
        result = await _run(engine, container, probe)
        if exit_of_run.done():
            return
        try:
            await _record(engine, container, result, probe.timing, started_ns)
        except NotFound:
            return


def _interval_s(engine: Engine, container_id: str, timing: Timing, started_ns: int) -> float:
    try:
        health = engine.containers.get(container_id).health
    except NotFound:
        return timing.interval_s
    is_starting = health is not None and health.status == STARTING
    return timing.start_interval_s if is_starting and _is_starting_up(timing, started_ns) else timing.interval_s


def _is_starting_up(timing: Timing, started_ns: int, at_ns: int | None = None) -> bool:
    return ((at_ns or clock.now_ns()) - started_ns) / 1e9 < timing.start_period_s


def _can_be_probed(engine: Engine, container: Container) -> bool:
    """A paused container is asked again when its turn comes."""
    try:
        return engine.containers.get(container.id).task.status is Status.RUNNING
    except NotFound:
        return False


async def _record(engine: Engine, container: Container, result: ProbeResult, timing: Timing, started_ns: int) -> None:
    is_starting_up = _is_starting_up(timing, started_ns, clock.parse_time(result.start))
    engine.metrics.health_checks += 1
    engine.metrics.failed_health_checks += result.exit_code != 0

    def change(c: Container) -> Container:
        if c.health is None or c.run != container.run or c.task.status is Status.PAUSED:
            return c
        health = c.health.probed(result, retries=timing.retries, is_starting_up=is_starting_up)
        return msgspec.structs.replace(c, health=health)

    before = engine.containers.get(container.id).health
    after = (await engine.containers.update(container.id, change)).health
    if before and after and before.status != after.status:
        container_event(engine, container, f"health_status: {after.status}")


async def _run(engine: Engine, container: Container, probe: _Probe) -> ProbeResult:
    start = clock.now()
    try:
        code, output = await _execute(engine, container, probe)
    except EngineError as failure:
        code, output = GIVEN_UP, str(failure)
    return ProbeResult(start=start, end=clock.now(), exit_code=code, output=output)


async def _execute(engine: Engine, container: Container, probe: _Probe) -> tuple[int, str]:
    execution = await create_exec(engine, container.id, ExecOptions(probe.command, stdout=True, stderr=True))
    client = engine.streams.attach(execution.id)
    try:
        output = engine.supervisor.spawn(_collect(client), "health output")
        ended = await start_exec(engine, execution.id)
        done, _ = await asyncio.wait([ended], timeout=probe.timing.timeout_s)
        if not done:
            _kill(engine.execs.get(execution.id).pid)
            await ended
        # A grandchild may hold the probe's output open for as long as it likes.
        await asyncio.wait([output], timeout=_DRAIN_S)
        said = _text(output.result() if output.done() else b"")
        if done:
            return engine.execs.get(execution.id).exit_code or 0, said
        text = f"Health check exceeded timeout ({format_duration(round(probe.timing.timeout_s * 1e9))})"
        return GIVEN_UP, f"{text}: {said}" if said else text
    finally:
        output.cancel()
        client.leave()


async def _collect(client: Client) -> bytes:
    """The beginning of both streams; the rest is read and dropped, so that the probe does not wait for us."""
    output = bytearray()
    while pieces := await client.recv():
        if len(output) <= MAX_OUTPUT_BYTES:
            output += b"".join(piece.data for piece in pieces)
    return bytes(output)


def _text(output: bytes) -> str:
    shown = output[:MAX_OUTPUT_BYTES].decode(errors="replace")
    return shown + "..." if len(output) > MAX_OUTPUT_BYTES else shown


def _kill(pid: int) -> None:
    try:
        process = PidFd(pid)
        try:
            process.send_signal(signal.SIGKILL)
        finally:
            process.close()
    except (ProcessLookupError, ValueError):
        pass  # it ended just now
