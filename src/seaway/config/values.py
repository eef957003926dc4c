"""What a configuration value may be: Go's spellings of numbers and booleans, and dockerd's own shapes."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from seaway.config.errors import ConfigError

TRUE = {"1", "t", "T", "true", "TRUE", "True"}
FALSE = {"0", "f", "F", "false", "FALSE", "False"}
SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RuntimeConfig:
    """An OCI runtime that may be asked for by name: a program (`path`, `args`) or a containerd shim (`type`)."""

    path: str = ""
    args: tuple[str, ...] = ()
    type: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UlimitConfig:
    name: str
    soft: int
    hard: int


@dataclass(frozen=True, slots=True)
class AddressPool:
    """Networks without a subnet of their own get pieces with a prefix of `size` bits of `base`."""

    base: str
    size: int


def parse_bool(text: str) -> bool:
    if text in TRUE:
        return True
    if text in FALSE:
        return False
    raise ConfigError(f'strconv.ParseBool: parsing "{text}": invalid syntax')


def parse_int(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        raise ConfigError(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def parse_ip(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        raise ConfigError(f"{text} is not an ip address") from None


def parse_size(text: str) -> int:
    """Bytes of "64m", "1.5 GiB" or "1024"; every unit is a power of 1024."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise ConfigError(f"invalid size: '{text}'")
    return int(float(match[1]) * 1024 ** " kmgtp".index(match[2].lower() or " "))


def parse_label(text: str) -> str:
    if not text.partition("=")[1]:
        raise ConfigError(f"bad attribute format: {text}")
    return text


def parse_ulimit(text: str) -> UlimitConfig:
    name, equals, limits = text.partition("=")
    if not equals:
        raise ConfigError(f"invalid ulimit argument: {text}")
    numbers = [parse_int(n) for n in limits.split(":")]
    if len(numbers) > 2:
        raise ConfigError(f"too many limit value arguments - {limits}, can only have up to two, `soft[:hard]`")
    return checked_ulimit(UlimitConfig(name, numbers[0], numbers[-1]))


def checked_ulimit(limit: UlimitConfig) -> UlimitConfig:
    if limit.hard != -1 and (limit.soft > limit.hard or limit.soft == -1):
        raise ConfigError(
            f"ulimit soft limit must be less than or equal to hard limit: {limit.soft or -1} > {limit.hard}"
        )
    return limit


def parse_address_pool(text: str) -> AddressPool:
    """base=10.0.0.0/8,size=24"""
    base, size = "", 0
    for part in text.split(","):
        key, _, value = part.partition("=")
        if key == "base":
            base = _network(value)
        elif key == "size":
            size = parse_int(value)
        else:
            raise ConfigError(f"unexpected key '{key}' in '{part}'")
    return AddressPool(base, size)


def _network(text: str) -> str:
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise ConfigError(f"invalid base pool {text!r}: invalid CIDR address: {text}") from None


def parse_runtime(text: str) -> tuple[str, RuntimeConfig]:
    name, equals, path = (part.strip() for part in text.partition("="))
    if not (name and equals and path):
        raise ConfigError(f"invalid runtime argument: {text}")
    return checked_runtime_name(name.lower()), RuntimeConfig(path=path)


def checked_runtime_name(name: str) -> str:
    if name == "runc":
        raise ConfigError("runtime name 'runc' is reserved")
    return name
