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


class Refused(ValueError):
    """The engine's message."""


class Unreachable(ValueError):
    """In the docker CLI's words."""

    def __init__(self, host: str) -> None:
        super().__init__(f"Cannot connect to the Docker daemon at {host}. Is the docker daemon running?")


def add_host(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-H", "--host", default=os.environ.get("DOCKER_HOST", DEFAULT_HOST), help="engine to talk to")


def run(arguments: argparse.Namespace) -> int:
    """The command's exit status. `arguments.run` raises ValueError for what the engine refuses."""
    try:
        return int(arguments.run(arguments) or 0)
    except Refused as refusal:
        print(f"Error response from daemon: {refusal}", file=sys.stderr)
        return 1
    except Unreachable as unreachable:
        print(unreachable, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except http.client.RemoteDisconnected:
        print("error during connect: the engine ended before it answered", file=sys.stderr)
        return 1
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
            message = str(json.loads(text)["message"])
        except (json.JSONDecodeError, KeyError):
            message = f"{answer.status} {text.decode(errors='replace')}"
        raise Refused(message)
    return answer


def connect(host: str) -> http.client.HTTPConnection:
    """Raises Unreachable, ValueError."""
    kind, _, address = host.partition("://")
    if kind not in ("unix", "tcp"):
        raise ValueError(f"unsupported host: {host}")
    connection = http.client.HTTPConnection(address if kind == "tcp" else "engine")
    try:
        if kind == "tcp":
            connection.connect()
        else:
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(address)
    except OSError as failure:
        connection.close()
        raise Unreachable(host) from failure
    return connection
