"""Execs: further processes in a running container. Kept in memory; a finished one can be inspected for a while.

Two passes of `collect` end a finished one: the first marks it, the second forgets it, so `inspect` works for five to
ten minutes after its end. One that was never started goes with its container's run.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, replace

from seaway.base.errors import NotFound


class NoSuchExec(NotFound):
    def __init__(self, exec_id: str) -> None:
        super().__init__(f"No such exec instance: {exec_id}")


@dataclass(frozen=True, slots=True)
class ExecOptions:
    """`console_size` is (height, width)."""

    command: tuple[str, ...]
    user: str = ""
    env: tuple[str, ...] = ()
    working_dir: str = ""
    tty: bool = False
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    privileged: bool = False
    detach_keys: bytes = b""
    console_size: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Exec:
    """`running` from the moment a start was asked for; `pid` once there is a process. `exit_code` is None until it has
    ended; `can_remove` is the collector's mark."""

    id: str
    container_id: str
    options: ExecOptions
    running: bool = False
    pid: int = 0
    exit_code: int | None = None
    can_remove: bool = False

    @property
    def has_begun(self) -> bool:
        return self.pid != 0 or self.exit_code is not None

    def starting(self) -> "Exec":
        return replace(self, running=True)

    def started(self, pid: int) -> "Exec":
        return replace(self, running=True, pid=pid)

    def ended(self, code: int) -> "Exec":
        return replace(self, running=False, exit_code=code)


class ExecStore:
    def __init__(self) -> None:
        self._execs: dict[str, Exec] = {}
        self._begun: dict[str, asyncio.Event] = {}

    def put(self, execution: Exec) -> None:
        self._execs[execution.id] = execution
        if execution.has_begun and (waited_for := self._begun.pop(execution.id, None)):
            waited_for.set()

    def update(self, execution: Exec) -> None:
        """Its container may have been removed meanwhile, and the exec with it."""
        if execution.id in self._execs:
            self.put(execution)

    def get(self, exec_id: str) -> Exec:
        try:
            return self._execs[exec_id]
        except KeyError:
            raise NoSuchExec(exec_id) from None

    async def begun(self, exec_id: str) -> None:
        """Wait until it has a process, or failed to get one."""
        if not self.get(exec_id).has_begun:
            await self._begun.setdefault(exec_id, asyncio.Event()).wait()

    def of(self, container_id: str) -> list[Exec]:
        return [e for e in self._execs.values() if e.container_id == container_id]

    def forget_unstarted(self, container_id: str) -> None:
        self._forget(e for e in self.of(container_id) if not e.running and e.exit_code is None)

    def forget_container(self, container_id: str) -> None:
        self._forget(self.of(container_id))

    def collect(self) -> None:
        """One pass."""
        ended = [e for e in self._execs.values() if e.exit_code is not None]
        self._forget(e for e in ended if e.can_remove)
        for execution in ended:
            if not execution.can_remove:
                self._execs[execution.id] = replace(execution, can_remove=True)

    def _forget(self, executions: Iterable[Exec]) -> None:
        for execution in tuple(executions):
            del self._execs[execution.id]
            if waited_for := self._begun.pop(execution.id, None):
                waited_for.set()
