"""Sizes as docker/go-units reads them: `10m`, `1.5GB`, `512 KiB`; every unit is a power of 1024."""

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
