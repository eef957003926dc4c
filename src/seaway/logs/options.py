"""The options that several log drivers have: how they are read, and dockerd's texts for wrong ones."""

import re
from collections.abc import Mapping

from seaway.base.errors import InvalidParameter
from seaway.base.units import parse_size
from seaway.logs.driver import ContainerInfo, InvalidLogOption
from seaway.logs.rotating import Limits
from seaway.model.container import LogConfig

Options = Mapping[str, str]
CACHE = frozenset({"cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"})
MODE = frozenset({"mode", "max-buffer-size"})
ATTRIBUTES = frozenset({"labels", "labels-regex", "env", "env-regex", "tag"})
ROTATION = frozenset({"max-file", "max-size", "compress"})
TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})
LOCAL_LIMITS = Limits(max_size=20 << 20, max_file=5, compress=True)
DEFAULT_TAG = "{{.ID}}"


def inherited(asked: LogConfig, default: LogConfig) -> LogConfig:
    """What a container asks for, and the engine's options: all of them for its own driver, for another the cache's."""
    kind = asked.type or default.type
    given = {k: v for k, v in default.config.items() if kind == default.type or k in CACHE}
    return LogConfig(type=kind, config={**given, **asked.config})


def validate_mode(options: Options) -> None:
    mode = options.get("mode", "")
    if mode not in ("", "blocking", "non-blocking"):
        raise InvalidLogOption(f"logger: logging mode not supported: {mode}")
    if (size := options.get("max-buffer-size")) is None:
        return
    if mode != "non-blocking":
        raise InvalidLogOption("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
    try:
        parse_size(size)
    except InvalidParameter as err:
        raise InvalidLogOption(f"error parsing option max-buffer-size: {err}") from None


def validate_cache(options: Options) -> None:
    """The values of the others are read when the container starts."""
    disabled = options.get("cache-disabled")
    if disabled is not None and disabled not in TRUE | FALSE:
        raise InvalidLogOption(f"invalid value for option cache-disabled: {disabled}")


def parse_json_file_options(options: Options) -> Limits:
    limits = parse_limits(options, Limits())
    if limits.compress and (limits.max_file < 2 or not limits.max_size):
        raise InvalidLogOption("compress cannot be true when max-file is less than 2 or max-size is not set")
    return limits


def parse_local_options(options: Options) -> Limits:
    limits = parse_limits(options, LOCAL_LIMITS)
    if not limits.max_size:
        raise InvalidLogOption("max size should be a positive number")
    if limits.compress and limits.max_file < 2:
        if "compress" in options:
            raise InvalidLogOption("compression cannot be enabled when max file count is 1")
        return Limits(limits.max_size, limits.max_file)
    return limits


def parse_cache_options(options: Options) -> Limits | None:
    """None where the cache is off."""
    if options.get("cache-disabled", "") in TRUE:
        return None
    own = {name.removeprefix("cache-"): value for name, value in options.items() if name in CACHE}
    return parse_local_options(own)


def parse_limits(options: Options, default: Limits) -> Limits:
    size, files, compress = default.max_size, default.max_file, default.compress
    if text := options.get("max-size"):
        size = 0 if text == "-1" else parse_size(text)
        if text != "-1" and size <= 0:
            raise InvalidLogOption("max-size must be a positive number")
    if text := options.get("max-file"):
        files = parse_integer(text)
        if files < 1:
            raise InvalidLogOption("max-file cannot be less than 1")
    if "compress" in options:
        compress = parse_bool(options["compress"])
    return Limits(size, files, compress)


def parse_integer(text: str, function: str = "Atoi") -> int:
    try:
        return int(text)
    except ValueError:
        raise InvalidLogOption(f'strconv.{function}: parsing "{text}": invalid syntax') from None


def parse_bool(text: str) -> bool:
    if text not in TRUE | FALSE:
        raise InvalidLogOption(f'strconv.ParseBool: parsing "{text}": invalid syntax')
    return text in TRUE


def extra_attributes(info: ContainerInfo) -> dict[str, str]:
    """The labels, environment variables and tag that the options ask for."""
    env = dict(item.partition("=")[::2] for item in info.env)
    attrs: dict[str, str] = {}
    for option, values in (("labels", info.labels), ("env", env)):
        for name in filter(None, info.options.get(option, "").split(",")):
            if name in values:
                attrs[name] = values[name]
        if pattern := info.options.get(f"{option}-regex"):
            attrs |= {name: value for name, value in values.items() if re.search(pattern, name)}
    return attrs


def tag_of(info: ContainerInfo, default: str = DEFAULT_TAG) -> str:
    return expand_tag(info.options.get("tag") or default, info)


def expand_tag(template: str, info: ContainerInfo) -> str:
    image = info.image_id.removeprefix("sha256:")
    values = {
        "ID": info.id[:12],
        "FullID": info.id,
        "Name": info.name.removeprefix("/"),
        "ImageID": image[:12],
        "ImageFullID": info.image_id,
        "ImageName": info.image_name,
        "DaemonName": info.daemon_name,
        "Command": info.command,
    }
    return re.sub(r"\{\{\s*\.(\w+)\s*\}\}", lambda m: values.get(m.group(1), m.group()), template)
