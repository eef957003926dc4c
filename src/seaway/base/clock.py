"""Time as Go writes it: RFC 3339 with nanoseconds whose trailing zeros are dropped, and a zero value in year 1."""

import calendar
import re
import time

ZERO_TIME = "0001-01-01T00:00:00Z"
_RFC3339 = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$")


def now_ns() -> int:
    return time.time_ns()


def format_time(ns: int) -> str:
    """Nanoseconds since 1970 -> `2026-11-24T03:57:43.582846877Z`."""
    seconds, fraction = divmod(ns, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{text}.{fraction:09d}".rstrip("0").rstrip(".") + "Z"


def now() -> str:
    return format_time(now_ns())


def parse_time(text: str) -> int:
    """RFC 3339 -> nanoseconds since 1970. Raises ValueError."""
    match = _RFC3339.match(text)
    if not match:
        raise ValueError(f"not an RFC 3339 time: {text!r}")
    year, month, day, hour, minute, second, fraction, sign, off_h, off_m = match.groups()
    seconds = calendar.timegm((int(year), int(month), int(day), int(hour), int(minute), int(second), 0, 0, 0))
    if sign:
        offset = int(off_h) * 3600 + int(off_m) * 60
        seconds -= offset if sign == "+" else -offset
    return seconds * 1_000_000_000 + int((fraction or "0")[:9].ljust(9, "0"))
