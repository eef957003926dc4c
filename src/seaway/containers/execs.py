"""Execs: further processes in a running container. Kept in memory; a finished one can be inspected for a while.

Two passes of `collect` end a finished one: the first marks it, the second forgets it, so `inspect` works for five to
ten minutes after its end.
"""

from dataclasses import dataclass, replace

from seaway.base.errors import NotFound


class NoSuchExec(NotFound):
    def __init__(self, exec_id: str) -> None:
        super().__init__(f"No such exec instance: {exec_id}")


@dataclass(frozen=True, slots=True)
class ExecOptions:
    command: tuple[str, ...]
    user: str = ""
    env: tuple[str, ...] = ()
    working_dir: str = ""
    tty: bool = False
    stdin: bool = False
    stdout: bool = False
    stderr: bool = False
    privileged: bool = False
    detach_keys: str = ""


@dataclass(frozen=True, slots=True)
class Exec:
    """`exit_code` is None until it has ended; `can_remove` is the collector's mark."""

    id: str
    container_id: str
    options: ExecOptions
    running: bool = False
    pid: int = 0
    exit_code: int | None = None
    can_remove: bool = False

    def started(self, pid: int) -> "Exec":
        return replace(self, running=True, pid=pid)

    def ended(self, code: int) -> "Exec":
        return replace(self, running=False, exit_code=code)


class ExecStore:
    def __init__(self) -> None:
        self._execs: dict[str, Exec] = {}

    def put(self, execution: Exec) -> None:
        self._execs[execution.id] = execution

    def get(self, exec_id: str) -> Exec:
        try:
            return self._execs[exec_id]
        except KeyError:
            raise NoSuchExec(exec_id) from None

    def of(self, container_id: str) -> list[Exec]:
        return [e for e in self._execs.values() if e.container_id == container_id]

    def forget_container(self, container_id: str) -> None:
        for execution in self.of(container_id):
            del self._execs[execution.id]

    def collect(self) -> None:
        """One pass."""
        for execution in list(self._execs.values()):
            if execution.exit_code is None:
                continue
            if execution.can_remove:
                del self._execs[execution.id]
            else:
                self._execs[execution.id] = replace(execution, can_remove=True)
