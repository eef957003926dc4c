"""Lists of numbers as the kernel writes them: `0-3,7`. Pure."""

import re

HIGHEST = 8192
_PART = re.compile(r"(\d+)(?:-(\d+))?$")


def parse_cpuset(text: str) -> frozenset[int]:
    """Raises ValueError in dockerd's words."""
    return frozenset(number for part in text.split(",") if text for number in _parse_part(part, text))


def _parse_part(part: str, whole: str) -> range:
    found = _PART.match(part)
    if not found:
        raise ValueError(f"invalid format: {whole}")
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise ValueError(f"invalid format: {whole}")
    if last > HIGHEST:
        raise ValueError(f"value of out range, maximum is {HIGHEST}")
    return range(first, last + 1)
