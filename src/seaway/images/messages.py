"""The lines of a progress stream, as the API has them."""

from collections.abc import Callable
from typing import Any

from seaway.distribution.progress import Progress

Emit = Callable[[dict[str, Any]], None]
"""Takes one line. Never blocks."""

_BAR_WIDTH = 50
_UNITS = ("B", "kB", "MB", "GB", "TB", "PB")


def stream_line(text: str) -> dict[str, Any]:
    return {"stream": f"{text}\n"}


def status_line(text: str) -> dict[str, Any]:
    return {"status": text}


def progress_line(status: str, identifier: str, current: int, total: int) -> dict[str, Any]:
    line = {
        "status": status,
        "progressDetail": {"current": current, "total": total},
        "progress": _bar(current, total),
    }
    return line | {"id": identifier} if identifier else line


def transfer_line(event: Progress) -> dict[str, Any]:
    """A pull's or a push's progress: what is said of a layer has `progressDetail`, even an empty one."""
    if event.total or event.current:
        return progress_line(event.status, event.id, event.current, event.total)
    if not event.id:
        return status_line(event.status)
    if event.status.startswith("Pulling from "):
        return {"status": event.status, "id": event.id}
    return {"status": event.status, "progressDetail": {}, "id": event.id}


def human_size(size_bytes: float) -> str:
    """Four digits, as go-units prints them: 10.24kB."""
    unit = 0
    while size_bytes >= 1000 and unit < len(_UNITS) - 1:
        size_bytes, unit = size_bytes / 1000, unit + 1
    return f"{size_bytes:.4g}{_UNITS[unit]}"


def _bar(current: int, total: int) -> str:
    """Without a total that can be true, there is none."""
    if not total:
        return f"{human_size(current):>8}"
    filled = min(_BAR_WIDTH, _BAR_WIDTH * current // total)
    bar = "=" * filled + ">" + " " * (_BAR_WIDTH - filled) if filled < _BAR_WIDTH else "=" * _BAR_WIDTH + ">"
    return f"[{bar}] {human_size(current):>8}" + (f"/{human_size(total)}" if current <= total else "")
