"""A container's health: what its probes said, and what that makes of it. Values in, values out."""

import msgspec

from seaway.model.container import Healthcheck

STARTING, HEALTHY, UNHEALTHY = "starting", "healthy", "unhealthy"
NONE = "none"
KEPT_RESULTS = 5
MAX_OUTPUT_BYTES = 4096
_SECOND_NS = 10**9


class ProbeResult(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    """Times are RFC 3339; an exit code of -1 is a probe that was given up."""

    start: str
    end: str
    exit_code: int
    output: str = ""


class Health(msgspec.Struct, frozen=True, kw_only=True, rename="pascal"):
    status: str = STARTING
    failing_streak: int = 0
    log: list[ProbeResult] | None = msgspec.field(default_factory=list)

    def probed(self, result: ProbeResult, *, retries: int, is_starting_up: bool) -> "Health":
        """In the start period a failure does not count, unless a success came before."""
        log = [*(self.log or ()), result][-KEPT_RESULTS:]
        if result.exit_code == 0:
            return Health(status=HEALTHY, log=log)
        if is_starting_up and self.status == STARTING:
            return Health(status=STARTING, failing_streak=self.failing_streak, log=log)
        streak = self.failing_streak + 1
        return Health(status=UNHEALTHY if streak >= retries else self.status, failing_streak=streak, log=log)

    def unprobed(self) -> "Health":
        """What is not probed any more, for it was paused or has ended, is not healthy."""
        return Health(status=UNHEALTHY, failing_streak=self.failing_streak, log=self.log)


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    interval_s: float
    timeout_s: float
    start_period_s: float
    start_interval_s: float
    retries: int


def probe_timing(check: Healthcheck) -> Timing:
    """With dockerd's values where the check has none."""
    return Timing(
        interval_s=check.interval / _SECOND_NS or 30.0,
        timeout_s=check.timeout / _SECOND_NS or 30.0,
        start_period_s=check.start_period / _SECOND_NS,
        start_interval_s=check.start_interval / _SECOND_NS or 5.0,
        retries=check.retries or 3,
    )


def probe_command(check: Healthcheck, shell: list[str]) -> list[str] | None:
    """None where there is nothing to run. `shell` is the image's SHELL."""
    match check.test or []:
        case ["CMD", *command] if command:
            return list(command)
        case ["CMD-SHELL", *command] if command:
            return [*(shell or ["/bin/sh", "-c"]), *command]
    return None


def health_at_start(check: Healthcheck | msgspec.UnsetType, last: Health | None) -> Health | None:
    """What the last run's probes said stays to be read. None where nothing is checked."""
    if not isinstance(check, Healthcheck) or probe_command(check, []) is None:
        return None
    return Health(log=list(last.log or ()) if last else [])
