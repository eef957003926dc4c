"""What a container's process may do next. The whole lifecycle is the table below.

A *container* is configuration; its *task* is the process. Docker's `Running`, `Paused` and `Restarting` booleans
are derived on the wire from the one status kept here.
"""

from enum import StrEnum

import msgspec

from seaway.base.clock import ZERO_TIME
from seaway.base.errors import Conflict


class Status(StrEnum):
    CREATED = "created"
    RUNNING = "running"
    PAUSED = "paused"
    RESTARTING = "restarting"
    REMOVING = "removing"
    EXITED = "exited"
    DEAD = "dead"


TRANSITIONS: dict[tuple[Status, str], Status] = {
    (Status.CREATED, "start"): Status.RUNNING,
    (Status.EXITED, "start"): Status.RUNNING,
    (Status.RESTARTING, "start"): Status.RUNNING,
    (Status.RUNNING, "pause"): Status.PAUSED,
    (Status.PAUSED, "unpause"): Status.RUNNING,
    (Status.RUNNING, "exit"): Status.EXITED,
    (Status.PAUSED, "exit"): Status.EXITED,
    (Status.RUNNING, "await restart"): Status.RESTARTING,
    (Status.PAUSED, "await restart"): Status.RESTARTING,
    (Status.RESTARTING, "exit"): Status.EXITED,
    (Status.CREATED, "remove"): Status.REMOVING,
    (Status.EXITED, "remove"): Status.REMOVING,
    (Status.DEAD, "remove"): Status.REMOVING,
    (Status.REMOVING, "fail removal"): Status.DEAD,
}


class WrongState(Conflict):
    pass


def next_status(status: Status, verb: str) -> Status:
    """Raises WrongState where the table has no such step."""
    try:
        return TRANSITIONS[status, verb]
    except KeyError:
        raise WrongState(f"cannot {verb} a container that is {status}") from None


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """A container's process, present or past. `pid` is 0 when there is none; times are RFC 3339."""

    status: Status = Status.CREATED
    pid: int = 0
    exit_code: int = 0
    error: str = ""
    oom_killed: bool = False
    started_at: str = ZERO_TIME
    finished_at: str = ZERO_TIME

    @property
    def is_running(self) -> bool:
        """As Docker counts it: a paused or restarting container is running too."""
        return self.status in (Status.RUNNING, Status.PAUSED, Status.RESTARTING)

    def started(self, pid: int, at: str) -> "Task":
        return Task(status=next_status(self.status, "start"), pid=pid, started_at=at, finished_at=self.finished_at)

    def exited(self, code: int, at: str, *, oom_killed: bool, restarting: bool) -> "Task":
        return msgspec.structs.replace(
            self,
            status=next_status(self.status, "await restart" if restarting else "exit"),
            pid=0,
            exit_code=code,
            oom_killed=oom_killed,
            finished_at=at,
        )

    def moved(self, verb: str) -> "Task":
        return msgspec.structs.replace(self, status=next_status(self.status, verb))

    def failed_to_start(self, code: int, error: str) -> "Task":
        """dockerd keeps the status of a container whose start failed, and stores why (inventory, corrections 5)."""
        return msgspec.structs.replace(self, exit_code=code, error=error)
