"""Sizes as docker/go-units reads them: `10m`, `1.5GB`, `512 KiB`; every unit is a power of 1024. And Go's durations."""

import re

from seaway.base.errors import InvalidParameter

_SIZE = re.compile(r"(\d+(?:\.\d+)*) ?([kKmMgGtTpP])?[iI]?[bB]?$")
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4, "p": 5}


def parse_size(text: str) -> int:
    """Raises InvalidParameter."""
    match = _SIZE.match(text)
    if not match:
        raise InvalidParameter(f"invalid size: '{text}'")
    number, unit = match.groups()
    try:
        return int(float(number) * 1024 ** _POWERS[(unit or "").lower()])
    except ValueError:
        raise InvalidParameter(f"invalid size: '{text}'") from None


def format_duration(ns: int) -> str:
    """As Go prints it: `1m30s`, `1.5s`, `250ms`, `0s`."""
    for unit, size in (("ns", 1), ("µs", 10**3), ("ms", 10**6)):
        if 0 < ns < size * 1000:
            return f"{_decimal(ns, size)}{unit}"
    hours, rest = divmod(ns, 3600 * 10**9)
    minutes, rest = divmod(rest, 60 * 10**9)
    text = f"{hours}h{minutes}m" if hours else f"{minutes}m" if minutes else ""
    return f"{text}{_decimal(rest, 10**9)}s"


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0") if unit > 1 else ""
    return f"{whole}.{digits}" if digits else str(whole)
