import pytest

from seaway.containers.task import Task
from seaway.engine.status import human_duration, status_text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "Less than a second"), (1, "1 second"), (59, "59 seconds"), (60, "About a minute"), (3540, "59 minutes"),
        (3600, "About an hour"), (5400, "2 hours"), (47 * 3600, "47 hours"), (48 * 3600, "2 days"), (15 * 86400, "2 weeks"),
        (61 * 86400, "2 months"), (800 * 86400, "2 years"),
    ],
)  # fmt: skip
def test_go_units_words(seconds: float, words: str) -> None:
    assert human_duration(seconds) == words


def test_what_ps_shows() -> None:
    second = 1_000_000_000
    task = Task()
    assert status_text(task, 0) == "Created"
    task = task.started(5, "1970-01-01T00:00:00Z")
    assert status_text(task, 7200 * second) == "Up 2 hours"
    assert status_text(task.moved("pause"), 5 * second) == "Up 5 seconds (Paused)"
    ended = task.exited(3, "1970-01-01T00:00:10Z", oom_killed=False, restarting=False)
    assert status_text(ended, 20 * second) == "Exited (3) 10 seconds ago"
    waiting = task.exited(1, "1970-01-01T00:00:10Z", oom_killed=False, restarting=True)
    assert status_text(waiting, 15 * second) == "Restarting (1) 5 seconds ago"
