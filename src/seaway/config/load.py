"""Command line and daemon.json make one configuration; the file says what no flag does, and may not contradict one."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from seaway.config.engine import EngineConfig
from seaway.config.errors import ConfigError
from seaway.config.file import read_file_values
from seaway.config.flags import Flags, default_of
from seaway.config.options import BY_KEY, FEATURE_NOTES, MERGED_KEYS
from seaway.config.validate import validate

MERGED = "merged configuration validation from file and command line flags failed"


def load_config(flags: Flags, file: bytes | None, environment: Mapping[str, str] | None = None) -> EngineConfig:
    """`file` is daemon.json's content, or None when there is none. Raises ConfigError with dockerd's sentence."""
    if file is None:
        config = _built(flags.values, environment or {})
        validate(config)
        return config
    where = f"unable to configure the Docker daemon with file {flags.config_file}"
    try:
        config = _built(_merged(flags.values, read_file_values(file, flags.values)), environment or {})
    except ConfigError as exc:
        raise ConfigError(f"{where}: {exc}") from exc
    try:
        validate(config)
    except ConfigError as exc:
        raise ConfigError(f"{where}: {MERGED}: {exc}") from exc
    return config


def warnings(config: EngineConfig) -> list[str]:
    """One line per configured option or feature that has no effect."""
    features = [
        f'The "{name}" feature has no effect: {FEATURE_NOTES.get(name, "Seaway does not know it")}'
        for name, wanted in sorted(config.features.items())
        if wanted and name != "cdi"
    ]
    return features + [
        f'The "{name}" option has no effect: {option.note}'
        for name in sorted(config.configured)
        if (option := BY_KEY[name]).note and getattr(config, option.field) != default_of(option)
    ]


def _merged(flags: Mapping[str, Any], file: Mapping[str, Any]) -> dict[str, Any]:
    """As in Go, a zero number, text or list in the file means "not configured"; false does mean false."""
    told: dict[str, Any] = {key: value for key, value in file.items() if value or value is False}
    both = {key: {**told[key], **flags[key]} for key in MERGED_KEYS & flags.keys() & told.keys()}
    return {**told, **flags, **both}


def _built(values: Mapping[str, Any], environment: Mapping[str, str]) -> EngineConfig:
    fields = {BY_KEY[key].field: value for key, value in values.items()}
    for field in ("http_proxy", "https_proxy", "no_proxy"):
        if not fields.get(field) and (found := environment.get(field.upper()) or environment.get(field)):
            fields[field] = found
    return replace(EngineConfig(), **fields, configured=frozenset(values))
