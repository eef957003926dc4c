"""An engine's raw streams: connections that speak HTTP by hand, and the CLI on a terminal."""

import json
import os
import pty
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from conformance.engines import RunningEngine
from seaway.base.stdcopy import Deframer

UPGRADE = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
HEAD_101 = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)


class Wire:
    """One connection, as bytes."""

    def __init__(self, engine: RunningEngine, timeout: float = 20) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout)
        self._socket.connect(engine.host.removeprefix("unix://"))
        self._buffer = b""

    def send(self, data: bytes) -> "Wire":
        self._socket.sendall(data)
        return self

    def end(self) -> "Wire":
        self._socket.shutdown(socket.SHUT_WR)
        return self

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            piece = self._socket.recv(65536)
            assert piece, f"ended before {mark!r}: {self._buffer!r}"
            self._buffer += piece
        end = self._buffer.index(mark) + len(mark)
        found, self._buffer = self._buffer[:end], self._buffer[end:]
        return found

    def read_all(self) -> bytes:
        while piece := self._socket.recv(1 << 20):
            self._buffer += piece
        found, self._buffer = self._buffer, b""
        return found

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def post(path: str, body: Any = None, headers: str = "") -> bytes:
    data = b"" if body is None else json.dumps(body).encode()
    kind = "" if body is None else "Content-Type: application/json\r\n"
    return f"POST {path} HTTP/1.1\r\nHost: d\r\n{headers}{kind}Content-Length: {len(data)}\r\n\r\n".encode() + data


def attach(engine: RunningEngine, name: str, query: str, headers: str = UPGRADE) -> Wire:
    """A connection whose request has left; the reply's head is the first to read."""
    return Wire(engine).send(post(f"/v1.41/containers/{name}/attach?{query}", headers=headers))


def attached(engine: RunningEngine, name: str, query: str) -> Wire:
    wire = attach(engine, name, query)
    assert wire.read_until(b"\r\n\r\n") == HEAD_101
    return wire


def deframed(data: bytes) -> dict[int, bytes]:
    """What each stream carried."""
    streams: dict[int, bytes] = {}
    for stream, payload in Deframer().feed(data):
        streams[int(stream)] = streams.get(int(stream), b"") + payload
    return streams


class Terminal:
    """The docker CLI on a terminal of its own."""

    def __init__(self, engine: RunningEngine, *args: str) -> None:
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            ["docker", "-H", engine.host, *args], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
        )
        os.close(slave)

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    def read_until(self, mark: bytes) -> bytes:
        seen = b""
        while mark not in seen:
            seen += os.read(self._master, 4096)
        return seen

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)


@contextmanager
def terminal(engine: RunningEngine, *args: str) -> Iterator[Terminal]:
    opened = Terminal(engine, *args)
    try:
        yield opened
    finally:
        opened.close()


def actions(engine: RunningEngine, container: str, since: float) -> list[str]:
    """What happened to a container."""
    container_id = engine.docker("inspect", "-f", "{{.Id}}", container).stdout.strip()
    filters = quote(json.dumps({"container": [container_id]}))
    query = f"since={since:.9f}&until={time.time():.9f}&filters={filters}"
    with Wire(engine) as wire:
        wire.send(f"GET /events?{query} HTTP/1.0\r\nHost: d\r\n\r\n".encode())
        lines = wire.read_all().partition(b"\r\n\r\n")[2].splitlines()
    return [str(json.loads(line)["Action"]) for line in lines]
