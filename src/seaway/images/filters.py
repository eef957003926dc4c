"""Which images a filter means."""

import re
from collections.abc import Callable
from functools import lru_cache

from seaway.base.clock import now_ns, parse_time
from seaway.base.errors import InvalidParameter
from seaway.base.filters import Filters
from seaway.images.image import Image
from seaway.oci.reference import Reference

LIST_FILTERS = frozenset({"dangling", "label", "label!", "before", "since", "reference", "until"})
PRUNE_FILTERS = frozenset({"dangling", "label", "label!", "until"})
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)")
_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


class InvalidFilterValue(InvalidParameter):
    pass


def matches_reference(filters: Filters, reference: Reference) -> bool:
    """Without such a filter every name matches; with several, one is enough."""
    patterns = filters.get("reference")
    if not patterns:
        return True
    names = (reference.familiar, reference.familiar_name)
    return any(glob(pattern).fullmatch(name) for pattern in patterns for name in names)


@lru_cache(maxsize=256)
def glob(pattern: str) -> re.Pattern[str]:
    """Go's path.Match: `*` and `?` stop at a slash."""
    parts, position = [], 0
    while position < len(pattern):
        char = pattern[position]
        if char == "[":
            end = pattern.find("]", position + 2)
            if end < 0:
                raise InvalidFilterValue("syntax error in pattern")
            parts.append(_char_class(pattern[position + 1 : end]))
            position = end
        elif char == "\\":
            position += 1
            if position == len(pattern):
                raise InvalidFilterValue("syntax error in pattern")
            parts.append(re.escape(pattern[position]))
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)))
        position += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as failure:
        raise InvalidFilterValue("syntax error in pattern") from failure


def _char_class(text: str) -> str:
    negated = text.startswith("^")
    inner = text[negated:].replace("\\", "\\\\").replace("[", "\\[")
    return f"[^/{inner}]" if negated else f"[{inner}]"


def created_before(filters: Filters) -> int | None:
    """The `until` filter as nanoseconds since 1970: a time, seconds since 1970, or a duration back from now."""
    values = filters.get("until")
    if not values:
        return None
    if len(values) > 1:
        raise InvalidFilterValue("more than one until filter specified")
    return parse_timestamp(values[0], now_ns())


def parse_timestamp(text: str, now: int) -> int:
    if re.fullmatch(r"\d+(\.\d{1,9})?", text):
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 10**9 + int((fraction or "0").ljust(9, "0"))
    try:
        return now - parse_duration(text)
    except ValueError:
        pass
    for completed in (text, f"{text}Z", f"{text}:00Z", f"{text}T00:00:00Z"):
        try:
            return parse_time(completed)
        except ValueError:
            continue
    raise InvalidFilterValue(f'failed to parse value as time or duration: "{text}"')


def parse_duration(text: str) -> int:
    """Go's `1h30m` in nanoseconds. Raises ValueError."""
    parts = _DURATION.findall(text)
    if not text or "".join(parts) != text:
        raise ValueError(f"not a duration: {text!r}")
    return sum(_duration_ns(part) for part in parts)


def _duration_ns(part: str) -> int:
    number = re.match(r"[\d.]+", part)
    assert number
    return int(float(number[0]) * _UNITS_NS[part[number.end() :]])


def image_filter(filters: Filters, resolve: Callable[[str], Image]) -> Callable[[Image], bool]:
    """What `before`, `since`, `until` and labels ask of an image itself. Raises NoSuchImage."""
    latest = [time_ns(resolve(name)) for name in filters.get("before")]
    earliest = [time_ns(resolve(name)) for name in filters.get("since")]
    until = created_before(filters)
    if until is not None:
        latest.append(until)

    def wanted(image: Image) -> bool:
        created = time_ns(image)
        in_time = all(created < limit for limit in latest) and all(created > limit for limit in earliest)
        return (
            in_time and filters.matches_labels("label", image.labels) and filters.lacks_labels("label!", image.labels)
        )

    return wanted


def time_ns(image: Image) -> int:
    try:
        return parse_time(image.created)
    except ValueError:
        return 0
