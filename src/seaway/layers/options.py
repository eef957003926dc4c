"""`--storage-opt` of the engine, for all containers, and of one: a limit of the size of its layer."""

from collections.abc import Iterable, Mapping

from seaway.base.errors import InvalidParameter
from seaway.base.units import parse_size
from seaway.layers.driver import StorageError

_UNUSED = "overlay2.override_kernel_check"  # for kernels before 4.0
_SIZES = {"overlay2": "overlay2.size", "vfs": "size"}


def engine_limit(driver: str, options: Iterable[str]) -> int:
    """Bytes that a container's layer may hold, 0 for any number. Raises StorageError."""
    limit = 0
    for option in options:
        key, equals, value = option.partition("=")
        name = key.strip().lower()
        if not equals:
            raise StorageError(f"unable to parse storage-opt key/value: {option}")
        if name == _SIZES[driver]:
            limit = _size(value.strip())
        elif (driver, name) != ("overlay2", _UNUSED):
            raise StorageError(f"{driver}: unknown option {key}")
    return limit


def container_limit(options: Mapping[str, str]) -> int | None:
    """The same for one container; None if it is not named. Raises StorageError."""
    limit = None
    for name, value in options.items():
        if name.lower() != "size":
            raise StorageError(f"Unknown option {name.lower()}")
        limit = _size(value)
    return limit


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except InvalidParameter as exc:
        raise StorageError(str(exc)) from None
