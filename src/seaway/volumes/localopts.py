"""The local driver's options `type`, `o`, `device` and `size`: which go together."""

from collections.abc import Mapping

from seaway.base.units import parse_size
from seaway.volumes.driver import InvalidVolume

OPTIONS = frozenset({"type", "o", "device", "size"})
NEEDS = {"device": ("type",), "type": ("device",), "o": ("device", "type")}


def validate_options(options: Mapping[str, str]) -> int:
    """The size that was asked for, 0 for none. Raises InvalidParameter."""
    for option in options:
        if option not in OPTIONS:
            raise InvalidVolume(f'invalid option: "{option}"')
    for option, needed in NEEDS.items():
        for other in needed if option in options else ():
            if other not in options:
                raise InvalidVolume(f'missing required option: "{other}"')
    return parse_size(options["size"]) if "size" in options else 0
