"""`GET /containers/{id}/top`: the host's `ps`, narrowed to the container's processes."""

import re
from dataclasses import dataclass

from seaway.base.errors import Conflict, SystemFailure
from seaway.containers.container import Container
from seaway.containers.task import Status
from seaway.engine.context import Engine
from seaway.engine.events import container_event
from seaway.kernel import cgroupstats, process, worker

DEFAULT_PS_ARGS = "-ef"
_TIMEOUT_S = 30
_RENAMED_PID = re.compile(r"\s+(\S*)=\s*(PID\S*)", re.ASCII)
_BLANKS = re.compile(r"[\t\n\v\f\r ]+")


@dataclass(frozen=True, slots=True)
class Processes:
    titles: list[str]
    rows: list[list[str]]


async def top_container(engine: Engine, name: str, ps_args: str = "") -> Processes:
    ps_args = ps_args or DEFAULT_PS_ARGS
    validate_ps_args(ps_args)
    container = engine.containers.find(name)
    _refuse_unless_running(container)
    try:
        pids = await worker.run_blocking(cgroupstats.pids, container.task.pid, container.id)
    except (FileNotFoundError, ProcessLookupError):
        raise Conflict(f"container {container.id} is not running") from None
    found = parse_ps(await _ps(ps_args, pids), frozenset(pids))
    container_event(engine, container, "top")
    return found


def validate_ps_args(ps_args: str) -> None:
    """A column that is renamed to PID would be taken for it."""
    for column, title in _RENAMED_PID.findall(ps_args):
        if column != "pid":
            raise SystemFailure(f'specifying "{column}={title}" is not allowed')


async def _ps(ps_args: str, pids: list[int]) -> str:
    argv = ["ps", *ps_args.split(" ")]
    try:
        done = await process.run([*argv, f"-q{','.join(map(str, pids))}"], timeout_s=_TIMEOUT_S)
    except process.CommandFailed:
        # Some options do not go with -q.
        try:
            done = await process.run(argv, timeout_s=_TIMEOUT_S)
        except process.CommandFailed as failure:
            said = failure.stderr.decode(errors="replace").split("\n", 1)[0]
            raise SystemFailure(f"ps: {said or f'exit status {failure.code}'}") from failure
    except FileNotFoundError as missing:
        raise SystemFailure('ps: exec: "ps": executable file not found in $PATH') from missing
    return done.stdout.decode(errors="replace")


def parse_ps(output: str, pids: frozenset[int]) -> Processes:
    """Pure. The last column takes the rest of its line; a thread's line (PID `-`) goes with the process above it."""
    first, *lines = output.split("\n")
    titles = [title for title in _BLANKS.split(first) if title]
    if "PID" not in titles:
        raise SystemFailure("Couldn't find PID field in ps output")
    column = titles.index("PID")
    rows, is_ours = [], False
    for fields in ([f for f in _BLANKS.split(line) if f] for line in lines if line):
        if fields[column] != "-":
            is_ours = _pid(fields[column]) in pids
        if is_ours:
            rows.append([*fields[: len(titles) - 1], " ".join(fields[len(titles) - 1 :])])
    return Processes(titles, rows)


def _pid(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise SystemFailure(f"Unexpected pid '{text}': strconv.Atoi: parsing \"{text}\": invalid syntax") from None


def _refuse_unless_running(container: Container) -> None:
    if container.task.status is Status.RESTARTING:
        raise Conflict(f"Container {container.id} is restarting, wait until the container is running")
    if not container.task.is_running:
        raise Conflict(f"container {container.id} is not running")
