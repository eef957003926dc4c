"""--storage-opt of the engine: what overlay2 knows of it, which here is nothing that changes anything."""

from collections.abc import Iterable

from seaway.layers.driver import StorageError

_UNUSED = "overlay2.override_kernel_check"  # for kernels before 4.0
_SIZE = "overlay2.size"


def check_storage_options(options: Iterable[str], filesystem: str) -> None:
    """Raises StorageError in dockerd's words."""
    for option in options:
        key, equals, _value = option.partition("=")
        if not equals:
            raise StorageError(f"unable to parse storage-opt key/value: {option}")
        match key.strip().lower():
            case name if name == _UNUSED:
                continue
            case name if name == _SIZE:
                text = f"Storage Option overlay2.size only supported for backingFS XFS. Found {filesystem}"
                raise StorageError(text)
        raise StorageError(f"overlay2: unknown option {key}")
