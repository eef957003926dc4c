"""The units that we ship say what a container's life depends on."""

from configparser import ConfigParser
from pathlib import Path

import pytest

from seaway.config.flags import parse_flags

UNITS = Path(__file__).parents[2] / "contrib" / "systemd"


def unit(name: str) -> ConfigParser:
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[method-assign,assignment]
    parser.read(UNITS / name)
    return parser


@pytest.mark.parametrize(("key", "value"), [("Delegate", "yes"), ("KillMode", "process"), ("Type", "notify")])
def test_the_service_keeps_its_containers(key: str, value: str) -> None:
    assert unit("seaway.service")["Service"][key] == value


def test_its_command_line_parses() -> None:
    program, command, *argv = unit("seaway.service")["Service"]["ExecStart"].split()
    assert (Path(program).name, command) == ("seaway", "serve")
    assert parse_flags(argv).values["hosts"] == ("fd://",)


def test_the_socket_is_roots_and_the_groups() -> None:
    socket = unit("seaway.socket")["Socket"]
    assert (socket["SocketMode"], socket["SocketUser"], socket["SocketGroup"]) == ("0660", "root", "docker")
