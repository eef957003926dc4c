"""`seaway port ls|publish|unpublish`: ports of a container that runs, against a running engine."""

import argparse
import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from seaway.cli.client import add_host, ask_json, run

Bindings = dict[str, list[dict[str, str]]]
_SPEC = re.compile(
    r"(?:(?:\[(?P<ip6>[^\]]+)\]|(?P<ip>[^:\[\]]+)):(?=[^:]*:))?"
    r"(?:(?P<host>\d*(?:-\d+)?):)?(?P<first>\d+)(?:-(?P<last>\d+))?(?:/(?P<protocol>\w+))?"
)


def main(argv: Sequence[str]) -> int:
    return run(_parser().parse_args(argv))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="seaway port", description="Publish ports of containers, while they run")
    add_host(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listed = commands.add_parser("ls", help="list what a container publishes")
    listed.set_defaults(run=_list)
    listed.add_argument("container")
    publish = commands.add_parser("publish", help="publish ports, beside those that are published")
    publish.set_defaults(run=_publish)
    publish.add_argument("container")
    publish.add_argument("port", nargs="+", help="as docker run -p takes it: [[IP:][HOST]:]CONTAINER[/PROTOCOL]")
    unpublish = commands.add_parser("unpublish", help="take a container's ports back")
    unpublish.set_defaults(run=_unpublish)
    unpublish.add_argument("container")
    unpublish.add_argument("port", nargs="+", help="all of the container's port, or what is named before it")
    return parser


def _list(arguments: argparse.Namespace) -> None:
    ports = _inspect(arguments)["NetworkSettings"]["Ports"]
    for key, bindings in sorted(ports.items()):
        for binding in bindings or ():
            host = binding["HostIp"]
            print(f"{f'[{host}]' if ':' in host else host}:{binding['HostPort']} -> {key}")


def _publish(arguments: argparse.Namespace) -> None:
    present = _inspect(arguments)["HostConfig"]["PortBindings"] or {}
    wanted: Bindings = {}
    for text in arguments.port:
        for key, binding in parse_publish(text):
            found = wanted.setdefault(key, list(present.get(key) or ()))
            if binding not in found:
                found.append(binding)
    _update(arguments, wanted)


def _unpublish(arguments: argparse.Namespace) -> None:
    found = _inspect(arguments)
    published, asked_for = found["NetworkSettings"]["Ports"], found["HostConfig"]["PortBindings"] or {}
    left: Bindings = {}
    for text in arguments.port:
        for key, named in parse_publish(text):
            all_of_it = () if any(named.values()) else published.get(key)  # -P asks for none by name
            before = left.get(key, list(asked_for.get(key) or all_of_it or ()))
            left[key] = [binding for binding in before if not _is_named(binding, named)]
            if left[key] == before:
                raise ValueError(f"{arguments.container} publishes no such port: {text}")
    _update(arguments, left)


def _is_named(binding: dict[str, str], named: dict[str, str]) -> bool:
    """What is not said is any."""
    return all(not value or binding[field] == value for field, value in named.items())


def parse_publish(text: str) -> list[tuple[str, dict[str, str]]]:
    """(container's port, binding) of each. A range of the host's for one port means any of them. Raises ValueError."""
    found = _SPEC.fullmatch(text)
    if not found:
        raise ValueError(f"invalid port: {text}")
    first, last = int(found["first"]), int(found["last"] or found["first"])
    low, _, high = (found["host"] or "").partition("-")
    protocol, ip, count = found["protocol"] or "tcp", found["ip6"] or found["ip"] or "", last - first + 1
    if count == 1 or not low:
        hosts = [found["host"] or ""] * count
    elif int(high or low) - int(low) + 1 == count:
        hosts = [str(int(low) + n) for n in range(count)]
    else:
        raise ValueError(f"invalid port: the ranges of {text} have different lengths")
    return [(f"{first + n}/{protocol}", {"HostIp": ip, "HostPort": host}) for n, host in enumerate(hosts)]


def _inspect(arguments: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, Any] = ask_json(arguments.host, "GET", f"/containers/{quote(arguments.container, safe='')}/json")
    return found


def _update(arguments: argparse.Namespace, bindings: Bindings) -> None:
    path = f"/containers/{quote(arguments.container, safe='')}/update"
    ask_json(arguments.host, "POST", path, {"PortBindings": bindings})
