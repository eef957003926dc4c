"""Which images a filter means. Filters are names with their values, as the API's `filters` parameter has them."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from seaway.base.clock import now_ns, parse_time
from seaway.base.errors import InvalidParameter
from seaway.images.image import Image
from seaway.oci.reference import Reference

Filters = Mapping[str, Sequence[str]]
LIST_FILTERS = frozenset({"dangling", "label", "label!", "before", "since", "reference", "until"})
PRUNE_FILTERS = frozenset({"dangling", "label", "label!", "until"})
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)")
_UNITS_NS = {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}


class InvalidFilter(InvalidParameter):
    pass


def require_known(filters: Filters, known: frozenset[str]) -> None:
    for name in filters:
        if name not in known:
            raise InvalidFilter(f"invalid filter '{name}'")


def boolean(filters: Filters, name: str) -> bool | None:
    """None where the filter is not given. Raises InvalidFilter."""
    values = filters.get(name)
    if not values:
        return None
    wanted = {v in ("1", "true") for v in values if v in ("0", "false", "1", "true")}
    if len(wanted) != 1:
        raise InvalidFilter(f"invalid filter '{name}=[{' '.join(values)}]'")
    return wanted.pop()


def matches_labels(filters: Filters, labels: Mapping[str, str]) -> bool:
    """Every `label` is there, and not every `label!`."""
    wanted, unwanted = filters.get("label", ()), filters.get("label!", ())
    return all(_has(labels, w) for w in wanted) and not (unwanted and all(_has(labels, u) for u in unwanted))


def _has(labels: Mapping[str, str], wanted: str) -> bool:
    key, equals, value = wanted.partition("=")
    return key in labels and (not equals or labels[key] == value)


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
                raise InvalidFilter("syntax error in pattern")
            parts.append(_char_class(pattern[position + 1 : end]))
            position = end
        elif char == "\\":
            position += 1
            if position == len(pattern):
                raise InvalidFilter("syntax error in pattern")
            parts.append(re.escape(pattern[position]))
        else:
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(char, re.escape(char)))
        position += 1
    try:
        return re.compile("".join(parts), re.DOTALL)
    except re.error as failure:
        raise InvalidFilter("syntax error in pattern") from failure


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
        raise InvalidFilter("more than one until filter specified")
    return parse_timestamp(values[0], now_ns())


def parse_timestamp(text: str, now: int) -> int:
    if re.fullmatch(r"\d+(\.\d{1,9})?", text):
        seconds, _, fraction = text.partition(".")
        return int(seconds) * 10**9 + int((fraction or "0").ljust(9, "0"))
    if text and "".join(_DURATION.findall(text)) == text:
        return now - sum(_duration_ns(part) for part in _DURATION.findall(text))
    for completed in (text, f"{text}Z", f"{text}:00Z", f"{text}T00:00:00Z"):
        try:
            return parse_time(completed)
        except ValueError:
            continue
    raise InvalidFilter(f'failed to parse value as time or duration: "{text}"')


def _duration_ns(part: str) -> int:
    number = re.match(r"[\d.]+", part)
    assert number
    return int(float(number[0]) * _UNITS_NS[part[number.end() :]])


def image_filter(filters: Filters, resolve: Callable[[str], Image]) -> Callable[[Image], bool]:
    """What `before`, `since`, `until` and labels ask of an image itself. Raises NoSuchImage."""
    latest = [time_ns(resolve(name)) for name in filters.get("before", ())]
    earliest = [time_ns(resolve(name)) for name in filters.get("since", ())]
    until = created_before(filters)
    if until is not None:
        latest.append(until)
    by_label = "label" in filters or "label!" in filters

    def wanted(image: Image) -> bool:
        created = time_ns(image)
        in_time = all(created < limit for limit in latest) and all(created > limit for limit in earliest)
        return in_time and (not by_label or matches_labels(filters, image.labels))

    return wanted


def time_ns(image: Image) -> int:
    try:
        return parse_time(image.created)
    except ValueError:
        return 0
