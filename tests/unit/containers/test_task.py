import pytest

from seaway.containers.task import Status, Task, WrongState, next_status

T0, T1 = "2026-11-24T00:00:00Z", "2026-11-24T00:00:05Z"


def test_a_run_from_created_to_exited() -> None:
    task = Task().started(42, T0)
    assert (task.status, task.pid, task.is_running) == (Status.RUNNING, 42, True)
    ended = task.exited(3, T1, oom_killed=False, restarting=False)
    assert (ended.status, ended.pid, ended.exit_code, ended.started_at) == (Status.EXITED, 0, 3, T0)


def test_a_paused_container_counts_as_running() -> None:
    assert Task().started(1, T0).moved("pause").is_running


def test_waiting_to_restart_is_running_and_can_start_again() -> None:
    waiting = Task().started(1, T0).exited(1, T1, oom_killed=True, restarting=True)
    assert waiting.status is Status.RESTARTING
    assert waiting.is_running
    assert waiting.oom_killed
    assert waiting.started(2, T1).status is Status.RUNNING


@pytest.mark.parametrize(("status", "verb"), [("running", "start"), ("running", "remove"), ("exited", "pause")])
def test_what_the_table_lacks_is_refused(status: str, verb: str) -> None:
    with pytest.raises(WrongState):
        next_status(Status(status), verb)
