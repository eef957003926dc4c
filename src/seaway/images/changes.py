"""`--change` of import and commit: Dockerfile instructions that alter an image's configuration."""

import posixpath
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.images.filters import parse_duration
from seaway.model.container import ContainerConfig, Healthcheck

_PORT = re.compile(r"(\d+)(?:-(\d+))?(?:/(tcp|udp|sctp))?")


_VARIABLE = re.compile(
    r"'[^']*'|\\.|\$(?:(?P<plain>[A-Za-z_]\w*)|\{(?P<braced>\w+)(?:(?P<operator>:[-+])(?P<word>[^}]*))?\})", re.DOTALL
)
_EXPANDED = frozenset({"env", "expose", "label", "stopsignal", "user", "volume", "workdir"})


class InvalidChange(InvalidParameter):
    pass


def apply_changes(config: ContainerConfig, changes: Iterable[str]) -> ContainerConfig:
    """Raises InvalidChange."""
    for change in changes:
        for line in re.sub(r"\\\r?\n", "", change).splitlines():
            if line.strip() and not line.lstrip().startswith("#"):
                config = _apply(config, line.strip())
    return config


def _apply(config: ContainerConfig, line: str) -> ContainerConfig:
    name, _, rest = line.partition(" ")
    instruction = _INSTRUCTIONS.get(name.lower())
    if instruction is None:
        raise InvalidChange(f"{name.lower()} is not a valid change command")
    if not rest.strip():
        raise InvalidChange(f"{name.upper()} requires at least one argument")
    if name.lower() in _EXPANDED:
        rest = expanded(rest, dict(entry.partition("=")[::2] for entry in config.env or []))
    return instruction(config, rest.strip())


def expanded(text: str, variables: Mapping[str, str]) -> str:
    r"""`$A`, `${A}`, `${A:-default}` and `${A:+other}` replaced as in a Dockerfile; not in single quotes, nor `\$A`."""

    def value(match: re.Match[str]) -> str:
        name = match["plain"] or match["braced"]
        if name is None:
            return match[0]
        found = variables.get(name, "")
        match match["operator"]:
            case ":-":
                return found or match["word"]
            case ":+":
                return match["word"] if found else ""
        return found

    return _VARIABLE.sub(value, text)


def _json_words(text: str) -> list[str] | None:
    try:
        return msgspec.json.decode(text, type=list[str])
    except msgspec.DecodeError:
        return None


def _command(text: str) -> list[str]:
    words = _json_words(text)
    return ["/bin/sh", "-c", text] if words is None else words


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError as failure:
        raise InvalidChange(f"unexpected end of statement while looking for matching quote: {text}") from failure


def _pairs(name: str, text: str) -> dict[str, str]:
    """`a=b c="d e"`, or the old form `a the rest`."""
    words = _split(text)
    if words and "=" not in words[0]:
        key, _, value = text.partition(" ")
        if not value.strip():
            raise InvalidChange(f"{name} must have two arguments")
        return {key: value.strip()}
    for word in words:
        if "=" not in word:
            raise InvalidChange(f"Syntax error - can't find = in {word!r}. Must be of the form: name=value")
    return dict(word.split("=", 1) for word in words)


def _cmd(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, cmd=_command(text))


def _entrypoint(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, entrypoint=_command(text))


def _env(config: ContainerConfig, text: str) -> ContainerConfig:
    env = {e.partition("=")[0]: e for e in config.env or []}
    env |= {key: f"{key}={value}" for key, value in _pairs("ENV", text).items()}
    return msgspec.structs.replace(config, env=list(env.values()))


def _label(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, labels={**(config.labels or {}), **_pairs("LABEL", text)})


def _expose(config: ContainerConfig, text: str) -> ContainerConfig:
    ports = {} if config.exposed_ports is msgspec.UNSET else dict(config.exposed_ports)
    for word in _split(text):
        match = _PORT.fullmatch(word)
        if not match or int(match[2] or match[1]) > 65535:
            raise InvalidChange(f"invalid containerPort: {word}")
        for port in range(int(match[1]), int(match[2] or match[1]) + 1):
            ports[f"{port}/{match[3] or 'tcp'}"] = {}
    return msgspec.structs.replace(config, exposed_ports=ports)


def _volume(config: ContainerConfig, text: str) -> ContainerConfig:
    words = _json_words(text) or _split(text)
    return msgspec.structs.replace(config, volumes={**(config.volumes or {}), **{word: {} for word in words}})


def _user(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, user=text)


def _workdir(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(
        config, working_dir=posixpath.normpath(posixpath.join("/", config.working_dir, text))
    )


def _stopsignal(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, stop_signal=text)


def _onbuild(config: ContainerConfig, text: str) -> ContainerConfig:
    trigger = text.partition(" ")[0].upper()
    if trigger == "ONBUILD":
        raise InvalidChange("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise InvalidChange(f"{trigger} isn't allowed as an ONBUILD trigger")
    return msgspec.structs.replace(config, on_build=[*(config.on_build or []), text])


def _healthcheck(config: ContainerConfig, text: str) -> ContainerConfig:
    if text.upper() == "NONE":
        return msgspec.structs.replace(config, healthcheck=Healthcheck(test=["NONE"]))
    match = re.fullmatch(r"((?:--\S+\s+)*)CMD\s+(.+)", text, re.IGNORECASE | re.DOTALL)
    if not match:
        raise InvalidChange(f"Unknown type {text.split()[0]!r} in HEALTHCHECK (try CMD)")
    words = _json_words(match[2])
    settings = dict(_health_option(option) for option in match[1].split())
    test = ["CMD-SHELL", match[2]] if words is None else ["CMD", *words]
    return msgspec.structs.replace(config, healthcheck=Healthcheck(test=test, **settings))


def _health_option(option: str) -> tuple[str, Any]:
    name, _, value = option.removeprefix("--").partition("=")
    if name == "retries" and value.isdigit():
        return name, int(value)
    if name in ("interval", "timeout", "start-period", "start-interval"):
        try:
            return name.replace("-", "_"), parse_duration(value)
        except ValueError as failure:
            raise InvalidChange(f'time: invalid duration "{value}"') from failure
    raise InvalidChange(f"Unknown flag: {name}")


_INSTRUCTIONS: dict[str, Callable[[ContainerConfig, str], ContainerConfig]] = {
    "cmd": _cmd,
    "entrypoint": _entrypoint,
    "env": _env,
    "expose": _expose,
    "healthcheck": _healthcheck,
    "label": _label,
    "onbuild": _onbuild,
    "stopsignal": _stopsignal,
    "user": _user,
    "volume": _volume,
    "workdir": _workdir,
}
