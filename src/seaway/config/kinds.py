"""How each kind of option reads a flag's text and a file's value, and how Go prints what it holds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from seaway.config import values
from seaway.config.errors import ConfigError
from seaway.config.values import AddressPool, RuntimeConfig, UlimitConfig

JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", list: "array", dict: "object"}


@dataclass(frozen=True, slots=True)
class Kind:
    """`parse(text, old)` adds a flag's text to what earlier flags left; `convert(value, path)` reads JSON."""

    parse: Callable[[str, Any], Any]
    convert: Callable[[Any, str], Any]
    show: Callable[[Any], str] = str
    placeholder: str = ""


def wrong_type(value: Any, path: str, wanted: str) -> ConfigError:
    """The sentence of Go's encoding/json."""
    found = JSON_NAMES[type(value)]
    if found == "number" and wanted == "int":
        found = f"number {value}"
    return ConfigError(f"json: cannot unmarshal {found} into Go struct field Config.{path} of type {wanted}")


def go_show(value: Any) -> str:
    """What fmt's %v prints for a value that came from JSON."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return "[" + " ".join(map(go_show, value)) + "]"
    if isinstance(value, Mapping):
        return "map[" + " ".join(f"{k}:{go_show(v)}" for k, v in sorted(value.items())) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _scalar(wanted: type, go_type: str) -> Callable[[Any, str], Any]:
    def convert(value: Any, path: str) -> Any:
        if type(value) is not wanted:
            raise wrong_type(value, path, go_type)
        return value

    return convert


def _list_of(check: Callable[[str], str]) -> Kind:
    def convert(value: Any, path: str) -> tuple[str, ...]:
        if not isinstance(value, list):
            raise wrong_type(value, path, "[]string")
        for item in value:
            if not isinstance(item, str):
                raise wrong_type(item, path, "string")
        return tuple(value)

    return Kind(lambda text, old: (*old, check(text)), convert, go_show, "list")


def _map_of(wanted: type, go_type: str) -> Callable[[Any, str], dict[str, Any]]:
    inner = _scalar(wanted, go_type)

    def convert(value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise wrong_type(value, path, f"map[string]{go_type}")
        return {key: inner(item, path) for key, item in value.items()}

    return convert


def _add_pair(text: str, old: Mapping[str, str]) -> dict[str, str]:
    key, _, value = text.partition("=")
    return {**old, key: value}


def _add_feature(text: str, old: Mapping[str, bool]) -> dict[str, bool]:
    key, equals, value = text.partition("=")
    return {**old, key: values.parse_bool(value) if equals else True}


def _add_runtime(text: str, old: Mapping[str, RuntimeConfig]) -> dict[str, RuntimeConfig]:
    name, runtime = values.parse_runtime(text)
    if name in old:
        raise ConfigError(f"runtime '{name}' was already defined")
    return {**old, name: runtime}


def _add_ulimit(text: str, old: Mapping[str, UlimitConfig]) -> dict[str, UlimitConfig]:
    limit = values.parse_ulimit(text)
    return {**old, limit.name: limit}


def _add_network_opt(text: str, old: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    """bridge=com.docker.network.driver.mtu=1234"""
    driver, equals, option = text.partition("=")
    key, second, value = option.partition("=")
    if not (equals and second):
        raise ConfigError(f"invalid value {text!r}: must be driver=key=value")
    return {**old, driver: {**old.get(driver, {}), key: value}}


def _lowered(value: Any, path: str, wanted: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise wrong_type(value, path, wanted)
    return {key.lower(): item for key, item in value.items()}


def _runtimes(value: Any, path: str) -> dict[str, RuntimeConfig]:
    found = {}
    for name, item in _scalar(dict, "map[string]types.Runtime")(value, path).items():
        runtime = _lowered(item, path, "types.Runtime")
        args = runtime.get("runtimeargs") or ()
        found[name] = RuntimeConfig(
            runtime.get("path", ""), tuple(args), runtime.get("runtimetype", ""), runtime.get("options") or {}
        )
    return found


def _ulimits(value: Any, path: str) -> dict[str, UlimitConfig]:
    found = {}
    for name, item in _scalar(dict, "map[string]*units.Ulimit")(value, path).items():
        limit = _lowered(item, path, "units.Ulimit")
        found[name] = values.checked_ulimit(
            UlimitConfig(limit.get("name", name), limit.get("soft", 0), limit.get("hard", 0))
        )
    return found


def _pools(value: Any, path: str) -> tuple[AddressPool, ...]:
    items = _scalar(list, "[]*ipamutils.NetworkToSplit")(value, path)
    pools = [_lowered(item, path, "ipamutils.NetworkToSplit") for item in items]
    return tuple(values.parse_address_pool(f"base={p.get('base', '')},size={p.get('size', 0)}") for p in pools)


def _network_opts(value: Any, path: str) -> dict[str, dict[str, str]]:
    pairs = _map_of(str, "string")
    items = _scalar(dict, "map[string]map[string]string")(value, path)
    return {driver: pairs(options, path) for driver, options in items.items()}


def _size(value: Any, path: str) -> int:
    return values.parse_size(value) if isinstance(value, str) else int(_scalar(int, "opts.MemBytes")(value, path))


BOOL = Kind(lambda text, _: values.parse_bool(text), _scalar(bool, "bool"), go_show)
INT = Kind(lambda text, _: values.parse_int(text), _scalar(int, "int"), placeholder="int")
TEXT = Kind(lambda text, _: text, _scalar(str, "string"), placeholder="string")
IP = Kind(
    lambda text, _: values.parse_ip(text),
    lambda value, path: values.parse_ip(_scalar(str, "string")(value, path)) if value else "",
    placeholder="ip",
)
SIZE = Kind(lambda text, _: values.parse_size(text), _size, placeholder="bytes")
LIST = _list_of(str)
LABELS = _list_of(values.parse_label)
IPS = _list_of(values.parse_ip)
PAIRS = Kind(_add_pair, _map_of(str, "string"), go_show, "map")
FEATURES = Kind(_add_feature, _map_of(bool, "bool"), go_show, "map")
RUNTIMES = Kind(_add_runtime, _runtimes, go_show, "runtime")
ULIMITS = Kind(_add_ulimit, _ulimits, go_show, "ulimit")
POOLS = Kind(lambda text, old: (*old, values.parse_address_pool(text)), _pools, go_show, "pool-options")
NETWORK_OPTS = Kind(_add_network_opt, _network_opts, go_show, "mapmap")
OBJECT = Kind(lambda text, _: text, _scalar(dict, "config.BuilderConfig"))
