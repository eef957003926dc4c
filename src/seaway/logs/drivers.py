"""The log drivers by name."""

from collections.abc import Callable, Mapping

from seaway.logs.driver import ContainerInfo, InvalidLogOption, LogDriver
from seaway.logs.jsonfile import JsonFileDriver
from seaway.logs.none import NoneDriver

DRIVERS: Mapping[str, Callable[[ContainerInfo], LogDriver]] = {"json-file": JsonFileDriver, "none": NoneDriver}


def make_driver(name: str, info: ContainerInfo) -> LogDriver:
    try:
        return DRIVERS[name](info)
    except KeyError:
        raise InvalidLogOption(f"logger: no log driver named '{name}' is registered") from None
