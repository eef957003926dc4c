import pytest

from seaway.base.errors import InvalidParameter
from seaway.containers.restart import Ending, plan_restart, restarts_with_engine, validate_restart_policy
from seaway.model.container import RestartPolicy


def ending(
    code: int = 1, *, cancelled: bool = False, stopped: bool = False, restarts: int = 0, up: float = 0, last: float = 0
) -> Ending:
    return Ending(
        exit_code=code,
        is_cancelled=cancelled,
        stopped_by_user=stopped,
        restarts=restarts,
        up_for_s=up,
        last_delay_s=last,
    )


def test_back_off_doubles_to_a_minute_and_resets_after_ten_seconds_up() -> None:
    always = RestartPolicy(name="always")
    assert plan_restart(always, ending()) == 0.1
    assert plan_restart(always, ending(last=0.1)) == 0.2
    assert plan_restart(always, ending(last=50)) == 60
    assert plan_restart(always, ending(last=50, up=10)) == 0.1


@pytest.mark.parametrize("name", ["always", "unless-stopped", "on-failure"])
def test_a_manual_stop_cancels_every_policy(name: str) -> None:
    assert plan_restart(RestartPolicy(name=name), ending(cancelled=True)) is None
    assert plan_restart(RestartPolicy(name=name), ending()) == 0.1


def test_a_signal_that_was_not_meant_to_end_it_matters_to_unless_stopped_alone() -> None:
    assert plan_restart(RestartPolicy(name="unless-stopped"), ending(stopped=True)) is None
    assert plan_restart(RestartPolicy(name="always"), ending(stopped=True)) == 0.1


def test_on_failure_counts() -> None:
    twice = RestartPolicy(name="on-failure", maximum_retry_count=2)
    assert plan_restart(twice, ending(0)) is None
    assert plan_restart(twice, ending(1, restarts=1)) == 0.1
    assert plan_restart(twice, ending(1, restarts=2)) is None


@pytest.mark.parametrize(
    ("policy", "text"),
    [
        (RestartPolicy(name="x"), "unknown policy 'x'; use one of 'no', 'always', 'on-failure', or 'unless-stopped'"),
        (RestartPolicy(name="always", maximum_retry_count=1), "can only be used with 'on-failure'"),
        (RestartPolicy(name="on-failure", maximum_retry_count=-1), "cannot be negative"),
    ],
)
def test_refusals(policy: RestartPolicy, text: str) -> None:
    with pytest.raises(InvalidParameter, match=text):
        validate_restart_policy(policy)


def test_what_starts_with_the_engine() -> None:
    unless = RestartPolicy(name="unless-stopped")
    assert restarts_with_engine(unless, exit_code=0, stopped_by_user=False, restarts=0)
    assert not restarts_with_engine(unless, exit_code=0, stopped_by_user=True, restarts=0)
    assert restarts_with_engine(RestartPolicy(name="always"), exit_code=0, stopped_by_user=True, restarts=0)
    assert not restarts_with_engine(RestartPolicy(), exit_code=1, stopped_by_user=False, restarts=0)
