"""The log drivers by name: our own, and those that a package brings by the entry point `seaway.log_drivers`.

The entry point names a `LogDriverKind`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points

from seaway.logs import fluentd, gelf, journald, options, syslog
from seaway.logs.driver import ContainerInfo, InvalidLogOption, LogDriver
from seaway.logs.jsonfile import JsonFileDriver
from seaway.logs.localfile import LocalDriver
from seaway.logs.none import NoneDriver

COMMON = options.MODE | options.CACHE


def _anything(_options: Mapping[str, str]) -> None:
    """Values are read when the container starts."""


@dataclass(frozen=True, slots=True)
class LogDriverKind:
    """`options` are the driver's own; `validate` raises InvalidLogOption for what creation refuses.

    `is_remote`: its `write` waits for other machines, and it cannot be read."""

    make: Callable[[ContainerInfo], LogDriver]
    options: frozenset[str] = frozenset()
    validate: Callable[[Mapping[str, str]], None] = _anything
    is_remote: bool = False


BUILT_IN: Mapping[str, LogDriverKind] = {
    "json-file": LogDriverKind(JsonFileDriver, options.ROTATION | options.ATTRIBUTES),
    "local": LogDriverKind(LocalDriver, options.ROTATION),
    "none": LogDriverKind(NoneDriver),
    "syslog": LogDriverKind(syslog.SyslogDriver, syslog.OPTIONS, syslog.validate, is_remote=True),
    "gelf": LogDriverKind(gelf.GelfDriver, gelf.OPTIONS, gelf.validate, is_remote=True),
    "fluentd": LogDriverKind(fluentd.FluentdDriver, fluentd.OPTIONS, fluentd.validate, is_remote=True),
    "journald": LogDriverKind(journald.JournaldDriver, journald.OPTIONS, journald.validate, is_remote=True),
}


@cache
def log_drivers() -> Mapping[str, LogDriverKind]:
    return {**{point.name: point.load() for point in entry_points(group="seaway.log_drivers")}, **BUILT_IN}


def validate_log_options(driver: str, given: Mapping[str, str] | None) -> None:
    """What creation of a container checks, in dockerd's words."""
    given = given or {}
    if driver == "none":
        return
    if driver not in log_drivers():
        raise InvalidLogOption(f'error looking up logging plugin {driver}: plugin "{driver}" not found')
    kind = log_drivers()[driver]
    options.validate_mode(given)
    options.validate_cache(given)
    if driver == "gelf":
        gelf.parse_address(given.get("gelf-address", ""))  # missed before anything else is looked at
    for name in given:
        if name not in kind.options | COMMON:
            where = f"log driver {driver}" if driver == "local" else f"{driver} log driver"
            raise InvalidLogOption(f"unknown log opt '{name}' for {where}")
    kind.validate(given)


def make_driver(name: str, info: ContainerInfo) -> LogDriver:
    try:
        return log_drivers()[name].make(info)
    except KeyError:
        raise InvalidLogOption(f"logger: no log driver named '{name}' is registered") from None
