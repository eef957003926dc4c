"""The process object of the OCI spec, and the environment that Docker gives."""

from collections.abc import Iterable
from typing import Any

from seaway.runtime.spec.request import ProcessRequest

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def build_process(request: ProcessRequest) -> dict[str, Any]:
    user = request.user
    process: dict[str, Any] = {
        "terminal": request.terminal,
        "user": {"uid": user.uid, "gid": user.gid, "additionalGids": list(user.additional_gids)},
        "args": list(request.args),
        "env": list(request.env),
        "cwd": request.cwd or "/",
        "capabilities": capability_sets(request.capabilities),
        "noNewPrivileges": request.no_new_privileges,
    }
    if request.console_size and request.terminal:
        process["consoleSize"] = dict(zip(("height", "width"), request.console_size, strict=True))
    if request.rlimits:
        process["rlimits"] = [
            {"type": f"RLIMIT_{limit.name.upper()}", "hard": _unsigned(limit.hard), "soft": _unsigned(limit.soft)}
            for limit in request.rlimits
        ]
    optional = {
        "oomScoreAdj": request.oom_score_adj,
        "apparmorProfile": request.apparmor_profile or None,
        "selinuxLabel": request.selinux_label or None,
    }
    return process | {key: value for key, value in optional.items() if value is not None}


def build_env(
    configured: Iterable[str], *, hostname: str, terminal: bool, links: Iterable[str] = ()
) -> tuple[str, ...]:
    """Docker's variables first, then the links', then the user's, who may replace them. A name without `=` removes."""
    given = [f"PATH={DEFAULT_PATH}", f"HOSTNAME={hostname}", *(["TERM=xterm"] if terminal else []), *links]
    return merge_env(given, configured)


def merge_env(base: Iterable[str], overrides: Iterable[str]) -> tuple[str, ...]:
    merged = {entry.partition("=")[0]: entry for entry in base}
    for entry in overrides:
        name, equals, _value = entry.partition("=")
        if equals:
            merged[name] = entry
        else:
            merged.pop(name, None)
    return tuple(merged.values())


def capability_sets(names: tuple[str, ...]) -> dict[str, list[str]]:
    """Neither inheritable nor ambient: a program's file capabilities would gain by them."""
    return {kind: list(names) for kind in ("bounding", "effective", "permitted")}


def _unsigned(limit: int) -> int:
    return limit if limit >= 0 else (1 << 64) - 1
