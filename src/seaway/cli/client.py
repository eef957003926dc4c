"""What the commands have in common that talk to a running engine."""

import argparse
import http.client
import json
import os
import socket
import sys
from contextlib import closing
from typing import IO, Any

INTERRUPTED = 130
DEFAULT_HOST = "unix:///var/run/docker.sock"


def add_host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-H", "--host", default=os.environ.get("DOCKER_HOST", DEFAULT_HOST), help="engine to talk to")


def run(arguments: argparse.Namespace) -> int:
    """The command's exit status. `arguments.run` raises ValueError for what the engine refuses."""
    try:
        return int(arguments.run(arguments) or 0)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (OSError, http.client.HTTPException, ValueError) as exc:
        print(f"Error: {exc}", file=sys.stderr)
        return 1


def ask_json(host: str, method: str, path: str, body: object = None) -> Any:
    """The answer's JSON, None where it has none. Raises ValueError with the message of a refusal."""
    with closing(connect(host)) as connection:
        text = ask(connection, method, path, None if body is None else json.dumps(body).encode()).read()
        return json.loads(text) if text else None


def ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | IO[bytes] | None = None
) -> http.client.HTTPResponse:
    """The answer, to be read. Raises ValueError with the message of a refusal."""
    kind = "application/json" if isinstance(body, bytes) else "application/x-tar"
    connection.request(method, path, body, {"Content-Type": kind})
    answer = connection.getresponse()
    if answer.status >= 300:
        text = answer.read()
        try:
            raise ValueError(f"response from engine: {json.loads(text)['message']}")
        except (json.JSONDecodeError, KeyError):
            raise ValueError(f"response from engine: {answer.status} {text.decode(errors='replace')}") from None
    return answer


def connect(host: str) -> http.client.HTTPConnection:
    kind, _, address = host.partition("://")
    if kind == "unix":
        connection = http.client.HTTPConnection("engine")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(address)
        return connection
    if kind == "tcp":
        return http.client.HTTPConnection(address)
    raise ValueError(f"unsupported host: {host}")
