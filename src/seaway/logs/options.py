"""The options of log drivers: which there are, what they mean, and dockerd's texts for wrong ones."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from seaway.base.errors import InvalidParameter
from seaway.base.units import parse_size
from seaway.logs.driver import ContainerInfo, InvalidLogOption

COMMON = frozenset({"mode", "max-buffer-size", "cache-disabled", "cache-max-size", "cache-max-file", "cache-compress"})
KNOWN = {
    "json-file": frozenset({"max-file", "max-size", "compress", "labels", "labels-regex", "env", "env-regex", "tag"})
}
TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
FALSE = frozenset({"0", "f", "F", "FALSE", "false", "False"})


@dataclass(frozen=True, slots=True)
class JsonFileOptions:
    """`max_size` in bytes, 0 for no limit."""

    max_size: int = 0
    max_file: int = 1
    compress: bool = False


def validate_log_options(driver: str, options: Mapping[str, str] | None) -> None:
    """What creation of a container checks; values of the driver's own are read when it starts."""
    options = options or {}
    if driver == "none":
        return
    if driver not in KNOWN:
        raise InvalidLogOption(f'error looking up logging plugin {driver}: plugin "{driver}" not found')
    mode = options.get("mode", "")
    if mode not in ("", "blocking", "non-blocking"):
        raise InvalidLogOption(f"logger: logging mode not supported: {mode}")
    if (size := options.get("max-buffer-size")) is not None:
        if mode != "non-blocking":
            raise InvalidLogOption("logger: max-buffer-size option is only supported with 'mode=non-blocking'")
        try:
            parse_size(size)
        except InvalidParameter as err:
            raise InvalidLogOption(f"error parsing option max-buffer-size: {err}") from None
    for name in options:
        if name not in KNOWN[driver] and name not in COMMON:
            raise InvalidLogOption(f"unknown log opt '{name}' for {driver} log driver")


def parse_json_file_options(options: Mapping[str, str]) -> JsonFileOptions:
    size = 0
    if text := options.get("max-size"):
        size = 0 if text == "-1" else parse_size(text)
        if text != "-1" and size <= 0:
            raise InvalidLogOption("max-size must be a positive number")
    files = 1
    if text := options.get("max-file"):
        try:
            files = int(text)
        except ValueError:
            raise InvalidLogOption(f'strconv.Atoi: parsing "{text}": invalid syntax') from None
        if files < 1:
            raise InvalidLogOption("max-file cannot be less than 1")
    compress = _parse_bool(options["compress"]) if "compress" in options else False
    if compress and (files < 2 or not size):
        raise InvalidLogOption("compress cannot be true when max-file is less than 2 or max-size is not set")
    return JsonFileOptions(size, files, compress)


def _parse_bool(text: str) -> bool:
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
    if tag := info.options.get("tag"):
        attrs["tag"] = expand_tag(tag, info)
    return attrs


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
    }
    return re.sub(r"\{\{\s*\.(\w+)\s*\}\}", lambda m: values.get(m.group(1), m.group()), template)
