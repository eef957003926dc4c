"""The instruction HEALTHCHECK. Pure; the texts are dockerd's."""

import json
import re
from typing import Any

from seaway.images.filters import parse_duration
from seaway.images.instructions import InvalidChange, parse_array
from seaway.model.container import Healthcheck

_DURATIONS = ("interval", "timeout", "start-period", "start-interval")
SHORTEST_NS = 1_000_000


def parse_healthcheck(text: str) -> Healthcheck:
    """`NONE`, or `[--interval=…] … CMD command`. Raises InvalidChange."""
    options: list[str] = []
    while text.startswith("--"):
        option, _, text = text.partition(" ")
        options.append(option)
        text = text.lstrip()
    kind, _, command = text.partition(" ")
    command = command.strip()
    if not kind:
        raise InvalidChange("HEALTHCHECK requires at least one argument")
    if kind.upper() == "NONE":
        if command:
            raise InvalidChange("HEALTHCHECK NONE takes no arguments")
        return Healthcheck(test=["NONE"])
    settings = dict(_option(option) for option in options)
    if kind.upper() != "CMD":
        raise InvalidChange(f"Unknown type {json.dumps(kind.upper())} in HEALTHCHECK (try CMD)")
    return Healthcheck(test=_test(command), **settings)


def _test(command: str) -> list[str]:
    words = parse_array(command)
    if not command or words == []:
        raise InvalidChange("Missing command after HEALTHCHECK CMD")
    return ["CMD-SHELL", command] if words is None else ["CMD", *words]


def _option(option: str) -> tuple[str, Any]:
    name, equals, value = option.removeprefix("--").partition("=")
    if name != "retries" and name not in _DURATIONS:
        raise InvalidChange(f"Unknown flag: {name}")
    if not equals:
        raise InvalidChange(f"Missing a value on flag: {name}")
    return name.replace("-", "_"), _retries(value) if name == "retries" else _duration_ns(name, value)


def _retries(value: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", value):
        raise InvalidChange(f"strconv.ParseInt: parsing {json.dumps(value)}: invalid syntax")
    if int(value) < 0:
        raise InvalidChange(f"--retries cannot be negative ({int(value)})")
    return int(value)


def _duration_ns(name: str, value: str) -> int:
    """0 is the default's."""
    try:
        duration = 0 if value == "0" else parse_duration(value)
    except ValueError as failure:
        what = "missing unit in" if re.fullmatch(r"[\d.]+", value) else "invalid"
        raise InvalidChange(f"time: {what} duration {json.dumps(value)}") from failure
    if 0 < duration < SHORTEST_NS:
        raise InvalidChange(f"Interval {json.dumps(name)} cannot be less than 1ms")
    return duration
