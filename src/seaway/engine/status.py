"""`Up 2 hours (Paused)`: a task's state as `docker ps` shows it, with go-units' words for durations. Pure."""

from seaway.base import clock
from seaway.containers.health import STARTING, Health
from seaway.containers.task import Status, Task

_MINUTE, _HOUR, _DAY, _WEEK, _MONTH, _YEAR = 60, 3600, 86400, 604800, 2592000, 31536000


def human_duration(seconds: float) -> str:
    """go-units' HumanDuration, whose thresholds are odd and relied upon."""
    whole = int(seconds)
    if whole < 1:
        return "Less than a second"
    if whole == 1:
        return "1 second"
    if whole < _MINUTE:
        return f"{whole} seconds"
    if (minutes := whole // _MINUTE) == 1:
        return "About a minute"
    if minutes < 60:
        return f"{minutes} minutes"
    if (hours := int(seconds / _HOUR + 0.5)) == 1:
        return "About an hour"
    return _long_duration(hours)


def _long_duration(hours: int) -> str:
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{hours // 24 // 365} years"


def status_text(task: Task, now_ns: int, health: Health | None = None) -> str:
    ago = human_duration((now_ns - _ns(task.finished_at)) / 1e9)
    match task.status:
        case Status.CREATED:
            return "Created"
        case Status.RUNNING:
            return f"Up {human_duration((now_ns - _ns(task.started_at)) / 1e9)}{_health_text(health)}"
        case Status.PAUSED:
            return f"Up {human_duration((now_ns - _ns(task.started_at)) / 1e9)} (Paused)"
        case Status.RESTARTING:
            return f"Restarting ({task.exit_code}) {ago} ago"
        case Status.REMOVING:
            return "Removal In Progress"
        case Status.DEAD:
            return "Dead"
        case Status.EXITED:
            return f"Exited ({task.exit_code}) {ago} ago"


def _health_text(health: Health | None) -> str:
    if health is None:
        return ""
    return " (health: starting)" if health.status == STARTING else f" ({health.status})"


def _ns(text: str) -> int:
    return clock.parse_time(text)
