"""daemon.json: its encoding, its keys, and where it contradicts the command line."""

import codecs
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from seaway.config.errors import ConfigError
from seaway.config.kinds import JSON_NAMES, go_show
from seaway.config.options import BY_KEY, MERGED_KEYS, OBJECT_KEYS, OPTIONS, REMOVED_KEYS, RENAMED_KEYS

BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
PROXIES = frozenset({"http-proxy", "https-proxy"})


def read_file_values(data: bytes, flags: Mapping[str, Any]) -> dict[str, Any]:
    """The file's values by key. `flags` are the command line's, which may not set the same keys."""
    found = _flattened(_decoded(data))
    _refuse_unknown(found)
    _refuse_conflicts(found, flags)
    values = {}
    for key, value in found.items():
        option = BY_KEY.get(RENAMED_KEYS.get(key, key))
        if option is None or value is None:
            continue
        if key in RENAMED_KEYS and isinstance(value, str):
            value = [value]
        values[option.name] = option.kind.convert(value, key)
    return values


def _decoded(data: bytes) -> dict[str, Any]:
    bom, encoding = next(((b, e) for b, e in BOMS if data.startswith(b)), (b"", "utf-8"))
    try:
        text = data[len(bom) :].decode(encoding).strip()
    except UnicodeDecodeError as exc:
        message = f"failed to decode configuration JSON at offset {exc.start}: encoding: invalid UTF-8"
        raise ConfigError(message) from exc
    if not text:
        return {}
    try:
        value = json.loads(text)
    except json.JSONDecodeError as exc:
        raise ConfigError(_syntax_error(text, exc)) from exc
    if value is None:
        return {}
    if not isinstance(value, dict):
        found = JSON_NAMES[type(value)]
        raise ConfigError(f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
    return value


def _syntax_error(text: str, exc: json.JSONDecodeError) -> str:
    if exc.pos >= len(text) or exc.msg.startswith("Unterminated"):
        return "unexpected end of JSON input"
    return f"invalid character {text[exc.pos]!r}: {exc.msg} (line {exc.lineno}, column {exc.colno})"


def _flattened(document: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in document.items():
        if isinstance(value, dict) and key not in OBJECT_KEYS:
            flat.update(value)
        else:
            flat[key] = value
    return flat


def _refuse_unknown(found: Mapping[str, Any]) -> None:
    if "api-cors-header" in found:
        raise ConfigError(
            'DEPRECATED: The "api-cors-header" config parameter and the dockerd "--api-cors-header" option have been '
            "removed; use a reverse proxy if you need CORS headers"
        )
    known = BY_KEY.keys() | REMOVED_KEYS | RENAMED_KEYS.keys()
    if unknown := [key for key in found if key not in known]:
        text = ", ".join(unknown)
        raise ConfigError(f"the following directives don't match any configuration option: {text}")


def _refuse_conflicts(found: Mapping[str, Any], flags: Mapping[str, Any]) -> None:
    problems = [
        f"{old} and {new} must not both be specified in the config file"
        for old, new in RENAMED_KEYS.items()
        if old in found and new in found
    ]
    twice = [
        f"{key}: (from flag: {_shown(key, option.kind.show(flags[option.name]))}, from file: {_shown(key, theirs)})"
        for option in OPTIONS
        if option.name in flags and option.name not in MERGED_KEYS
        for key in _spellings(option.name)
        if key in found
        for theirs in [go_show(found[key])]
    ]
    if twice:
        text = ", ".join(twice)
        problems.append(f"the following directives are specified both as a flag and in the configuration file: {text}")
    if problems:
        raise ConfigError("\n".join(problems))


def _spellings(name: str) -> tuple[str, ...]:
    return (name, *(old for old, new in RENAMED_KEYS.items() if new == name))


def _shown(key: str, text: str) -> str:
    return mask_credentials(text) if key in PROXIES else text


def mask_credentials(url: str) -> str:
    """A proxy's URL as it may be shown: without its user and password."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"xxxxx:xxxxx@{host}").geturl()
