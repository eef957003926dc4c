"""`--security-opt`, as dockerd reads it when the container is made. Values in, values out."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from seaway.base.errors import SystemFailure

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


class InvalidSecurityOption(SystemFailure):
    """500, as in dockerd, though the client is at fault."""


@dataclass(frozen=True, slots=True)
class SecurityOptions:
    """`seccomp` and `apparmor`: "" where the user said nothing. `labels` are checked where SELinux is in use."""

    no_new_privileges: bool = False
    seccomp: str = ""
    apparmor: str = ""
    labels: tuple[str, ...] = ()
    writable_cgroups: bool = False


def parse_security_options(options: Iterable[str], *, no_new_privileges: bool = False) -> SecurityOptions:
    """`no_new_privileges` is the engine's default. Raises InvalidSecurityOption."""
    chosen = SecurityOptions(no_new_privileges=no_new_privileges)
    for option in options:
        chosen = _with(chosen, option)
    return chosen


def _with(chosen: SecurityOptions, option: str) -> SecurityOptions:
    match option:
        case "no-new-privileges":
            return replace(chosen, no_new_privileges=True)
        case "writable-cgroups":
            return replace(chosen, writable_cgroups=True)
        case "disable":
            return replace(chosen, labels=(*chosen.labels, "disable"))
    # The colon is how it was written before 1.11.
    key, separator, value = option.partition("=" if "=" in option else ":")
    if not separator:
        raise InvalidSecurityOption(f'invalid --security-opt 1: "{option}"')
    match key:
        case "label":
            return replace(chosen, labels=(*chosen.labels, value))
        case "apparmor":
            return replace(chosen, apparmor=value)
        case "seccomp":
            return replace(chosen, seccomp=value)
        case "no-new-privileges":
            return replace(chosen, no_new_privileges=_boolean(value, option))
        case "writable-cgroups":
            return replace(chosen, writable_cgroups=_boolean(value, option))
    raise InvalidSecurityOption(f'invalid --security-opt 2: "{option}"')


def _boolean(text: str, option: str) -> bool:
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise InvalidSecurityOption(f'invalid --security-opt 2: "{option}"')
