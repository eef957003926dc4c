"""`--change` of import and commit: Dockerfile instructions that alter an image's configuration."""

import posixpath
import re
from collections.abc import Callable, Iterable

import msgspec

from seaway.base.errors import InvalidParameter
from seaway.base.signals import parse_signal
from seaway.images.healthchange import parse_healthcheck
from seaway.images.instructions import (
    InvalidChange,
    Variables,
    expanded,
    expanded_words,
    parse_array,
    parse_instructions,
    parse_pairs,
)
from seaway.model.container import ContainerConfig

_PORTS = re.compile(r"(?:.*:)?(\d+)(?:-(\d+))?")
_ONE_ARGUMENT = ("user", "workdir", "stopsignal")


def apply_changes(config: ContainerConfig, changes: Iterable[str]) -> ContainerConfig:
    """All changes are one Dockerfile. Raises InvalidChange."""
    if not (lines := list(changes)):
        return config
    instructions = list(parse_instructions("\n".join(lines)))
    if not instructions:
        raise InvalidChange("file with no instructions")
    for name, rest in instructions:
        if name not in _INSTRUCTIONS:
            raise InvalidChange(f"{name} is not a valid change command")
        if not rest:
            how_many = "exactly" if name in _ONE_ARGUMENT else "at least"
            raise InvalidChange(f"{name.upper()} requires {how_many} one argument")
    has_command = False
    for name, rest in instructions:
        config = _INSTRUCTIONS[name](config, rest)
        has_command = has_command or name == "cmd"
        if name == "entrypoint" and not has_command:  # the command was another entrypoint's
            config = msgspec.structs.replace(config, cmd=None)
    return config


def _variables(config: ContainerConfig) -> Variables:
    return dict(entry.partition("=")[::2] for entry in config.env or [])


def _command(text: str) -> list[str]:
    words = parse_array(text)
    return ["/bin/sh", "-c", text] if words is None else words


def _cmd(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, cmd=_command(text))


def _entrypoint(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, entrypoint=_command(text))


def _env(config: ContainerConfig, text: str) -> ContainerConfig:
    env = {e.partition("=")[0]: e for e in config.env or []}
    env |= {key: f"{key}={value}" for key, value in parse_pairs("ENV", text, _variables(config)).items()}
    return msgspec.structs.replace(config, env=list(env.values()))


def _label(config: ContainerConfig, text: str) -> ContainerConfig:
    labels = parse_pairs("LABEL", text, _variables(config))
    return msgspec.structs.replace(config, labels={**(config.labels or {}), **labels})


def _expose(config: ContainerConfig, text: str) -> ContainerConfig:
    ports = {} if config.exposed_ports is msgspec.UNSET else dict(config.exposed_ports)
    for word in text.split():
        for port in expanded_words(word, _variables(config)):
            ports |= {each: {} for each in _container_ports(port)}
    return msgspec.structs.replace(config, exposed_ports=ports)


def _container_ports(text: str) -> list[str]:
    """`80`, `80-90/udp`. An address and ports of the host may stand before, without effect."""
    numbers, _, protocol = text.partition("/")
    protocol = protocol.lower() or "tcp"
    if protocol not in ("tcp", "udp", "sctp"):
        raise InvalidChange(f"invalid proto: {protocol}")
    match = _PORTS.fullmatch(numbers)
    first, last = (int(match[1]), int(match[2] or match[1])) if match else (1, 0)
    if not first <= last <= 65535:
        raise InvalidChange(f"invalid containerPort: {numbers.rpartition(':')[2]}")
    return [f"{port}/{protocol}" for port in range(first, last + 1)]


def _volume(config: ContainerConfig, text: str) -> ContainerConfig:
    words = parse_array(text)
    paths = [expanded(w, _variables(config)).strip() for w in (text.split() if words is None else words)]
    if not paths:
        raise InvalidChange("VOLUME requires at least one argument")
    if "" in paths:
        raise InvalidChange("VOLUME specified can not be an empty string")
    return msgspec.structs.replace(config, volumes={**(config.volumes or {}), **{path: {} for path in paths}})


def _user(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, user=expanded(text, _variables(config)))


def _workdir(config: ContainerConfig, text: str) -> ContainerConfig:
    """An absolute one stays as it was given."""
    path = expanded(text, _variables(config))
    if not path.startswith("/"):
        path = posixpath.normpath(posixpath.join("/", config.working_dir, path))
    return msgspec.structs.replace(config, working_dir=path)


def _stopsignal(config: ContainerConfig, text: str) -> ContainerConfig:
    signal = expanded(text, _variables(config))
    try:
        parse_signal(signal)
    except InvalidParameter as failure:
        raise InvalidChange(str(failure)) from failure
    return msgspec.structs.replace(config, stop_signal=signal)


def _onbuild(config: ContainerConfig, text: str) -> ContainerConfig:
    trigger = text.split(None, 1)[0].upper()
    if trigger == "ONBUILD":
        raise InvalidChange("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed")
    if trigger in ("MAINTAINER", "FROM"):
        raise InvalidChange(f"{trigger} isn't allowed as an ONBUILD trigger")
    return msgspec.structs.replace(config, on_build=[*(config.on_build or []), text])


def _healthcheck(config: ContainerConfig, text: str) -> ContainerConfig:
    return msgspec.structs.replace(config, healthcheck=parse_healthcheck(text))


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
