"""Bodies as the API takes them, without a client that refuses them first."""

import http.client
import json
import socket
from dataclasses import dataclass
from functools import cache
from typing import Any

from conformance.engines import PATIENCE, RunningEngine


@dataclass(frozen=True)
class Answer:
    """Of the create where that was refused, or else of the start."""

    status: int
    message: str = ""
    warnings: tuple[str, ...] = ()


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=30 * PATIENCE)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


@cache
def _version(host: str) -> str:
    connection = _Connection(host.removeprefix("unix://"))
    try:
        connection.request("GET", "/_ping")
        return connection.getresponse().headers["Api-Version"]
    finally:
        connection.close()


def call(engine: RunningEngine, method: str, path: str, body: Any = None, version: str = "") -> tuple[int, Any]:
    """`version` of the API, by default the newest that the engine speaks."""
    connection = _Connection(engine.host.removeprefix("unix://"))
    headers = {"Content-Type": "application/json"} if body is not None else {}
    try:
        url = f"/v{version or _version(engine.host)}{path}"
        connection.request(method, url, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        data = response.read()
        return response.status, json.loads(data) if data else None
    finally:
        connection.close()


def create_and_start(
    engine: RunningEngine, config: dict[str, Any], host: dict[str, Any], *, start: bool = True
) -> Answer:
    body = {"Image": "busybox", "Cmd": ["true"], **config, "HostConfig": host}
    status, answer = call(engine, "POST", "/containers/create", body)
    if status != 201:
        return Answer(status, answer["message"])
    try:
        warnings = tuple(answer["Warnings"] or ())
        if not start:
            return Answer(status, "", warnings)
        status, said = call(engine, "POST", f"/containers/{answer['Id']}/start")
        return Answer(status, said["message"] if said else "", warnings)
    finally:
        call(engine, "DELETE", f"/containers/{answer['Id']}?force=1&v=1")
