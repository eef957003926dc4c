import pytest

from seaway.containers.health import HEALTHY, STARTING, UNHEALTHY, Health, ProbeResult, health_at_start, probe_command
from seaway.model.container import Healthcheck


def probe(code: int) -> ProbeResult:
    return ProbeResult(start="2026-11-24T08:00:00Z", end="2026-11-24T08:00:01Z", exit_code=code)


def after(*codes: int, retries: int = 2, is_starting_up: bool = False) -> Health:
    health = Health()
    for code in codes:
        health = health.probed(probe(code), retries=retries, is_starting_up=is_starting_up)
    return health


@pytest.mark.parametrize(
    ("codes", "status", "streak"),
    [
        ((), STARTING, 0),
        ((0,), HEALTHY, 0),
        ((1,), STARTING, 1),
        ((1, 1), UNHEALTHY, 2),
        ((0, 1), HEALTHY, 1),
        ((1, 1, 0), HEALTHY, 0),
        ((1, 0, 1), HEALTHY, 1),
    ],
)
def test_what_probes_make_of_it(codes: tuple[int, ...], status: str, streak: int) -> None:
    health = after(*codes)
    assert (health.status, health.failing_streak) == (status, streak)


def test_in_the_start_period_failures_count_only_after_a_success() -> None:
    assert after(1, 1, 1, is_starting_up=True) == Health(log=[probe(1)] * 3)
    assert after(0, 1, 1, is_starting_up=True).status == UNHEALTHY


def test_five_results_are_kept() -> None:
    log = after(*range(8), retries=100).log or []
    assert [result.exit_code for result in log] == [3, 4, 5, 6, 7]


def test_a_run_starts_anew_and_its_end_is_not_healthy() -> None:
    check = Healthcheck(test=["CMD", "true"])
    assert health_at_start(check, after(0).unprobed()) == Health(log=[probe(0)])
    assert health_at_start(Healthcheck(test=["NONE"]), None) is None
    assert after(0).unprobed().status == UNHEALTHY


@pytest.mark.parametrize(
    ("test", "shell", "command"),
    [
        (["CMD", "a", "b"], [], ["a", "b"]),
        (["CMD-SHELL", "a b"], [], ["/bin/sh", "-c", "a b"]),
        (["CMD-SHELL", "a b"], ["/bin/ash", "-ec"], ["/bin/ash", "-ec", "a b"]),
        (["NONE"], [], None),
        ([], [], None),
        (["CMD"], [], None),
    ],
)
def test_the_command(test: list[str], shell: list[str], command: list[str] | None) -> None:
    assert probe_command(Healthcheck(test=test), shell) == command
