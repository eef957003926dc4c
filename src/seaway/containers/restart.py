"""Whether and when a container that ended starts again. Values in, values out.

Back-off as dockerd's restart manager: 100 ms, doubled each time up to a minute, reset after ten seconds up.
"""

from dataclasses import dataclass

from seaway.base.errors import InvalidParameter
from seaway.model.container import RestartPolicy

FIRST_DELAY_S, LONGEST_DELAY_S, UP_LONG_ENOUGH_S = 0.1, 60.0, 10.0
POLICIES = ("", "no", "always", "on-failure", "unless-stopped")


class InvalidRestartPolicy(InvalidParameter):
    pass


def validate_restart_policy(policy: RestartPolicy) -> None:
    """Raises InvalidRestartPolicy in dockerd's words."""
    if policy.name not in POLICIES:
        raise InvalidRestartPolicy(
            f"invalid restart policy: unknown policy '{policy.name}';"
            " use one of 'no', 'always', 'on-failure', or 'unless-stopped'"
        )
    if policy.name == "on-failure":
        if policy.maximum_retry_count < 0:
            raise InvalidRestartPolicy("invalid restart policy: maximum retry count cannot be negative")
    elif policy.maximum_retry_count:
        text = "invalid restart policy: maximum retry count can only be used with 'on-failure'"
        raise InvalidRestartPolicy(text + (" and cannot be negative" if policy.maximum_retry_count < 0 else ""))


def next_delay_s(last_delay_s: float, up_for_s: float) -> float:
    if not last_delay_s or up_for_s >= UP_LONG_ENOUGH_S:
        return FIRST_DELAY_S
    return min(last_delay_s * 2, LONGEST_DELAY_S)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended. A stop, or a signal that was meant to end it, has `is_cancelled`; any signal at all by the user
    has `stopped_by_user`, which matters to unless-stopped alone. `restarts` counts those already made in a row."""

    exit_code: int
    is_cancelled: bool
    stopped_by_user: bool
    restarts: int
    up_for_s: float
    last_delay_s: float


def plan_restart(policy: RestartPolicy, ending: Ending) -> float | None:
    """Seconds to wait before the next start, or None when the container stays down."""
    if ending.is_cancelled or not _applies(policy, ending):
        return None
    return next_delay_s(ending.last_delay_s, ending.up_for_s)


def _applies(policy: RestartPolicy, ending: Ending) -> bool:
    match policy.name:
        case "always":
            return True
        case "unless-stopped":
            return not ending.stopped_by_user
        case "on-failure":
            retries_left = not policy.maximum_retry_count or ending.restarts < policy.maximum_retry_count
            return ending.exit_code != 0 and retries_left
    return False


def restarts_with_engine(policy: RestartPolicy, *, exit_code: int, stopped_by_user: bool, restarts: int) -> bool:
    """Whether a container starts when the engine comes up (inventory A16)."""
    if policy.name == "always":
        return True
    if policy.name == "unless-stopped":
        return not stopped_by_user
    retries_left = not policy.maximum_retry_count or restarts < policy.maximum_retry_count
    return policy.name == "on-failure" and exit_code != 0 and retries_left
