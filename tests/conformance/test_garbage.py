"""Garbage, made from the schema by a seed: every field of every body with values that it cannot have, and requests with
bytes that nobody sends. Each is answered, none with a bug of the engine's, and nothing is left behind."""

import json
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import pytest

from conformance.conftest import RunningEngine
from conformance.schema import Schema, resolved
from conformance.streams import Wire
from conformance.vitals import log_of, open_files, ping

SEED = int(os.environ.get("SEAWAY_GARBAGE_SEED", "1"))
BODIES, HEADS = 600, 200
DEEPEST = 5
STRINGS = ("", "x", "a\0b", "é", "-1", "0", "::1", "a:b:c:d", "../../etc/passwd", "%s%n", "9" * 5000)
NUMBERS = (-1, 0, 1.5, 1e308, 2**63 - 1, 2**63, -(2**63), 10**40)
SHAPES = ([], {}, [[]], [None], [1], [""], {"a": 1}, {"a": None}, {"": ""}, {"a": [{}]})
VALUES = (None, True, *STRINGS, *NUMBERS, *SHAPES)
CREATE = {
    "properties": {
        "HostConfig": {"$ref": "HostConfig"},
        "NetworkingConfig": {"$ref": "NetworkingConfig"},
    }
}


def names(text: str) -> Schema:
    return {"properties": {name: {} for name in text.split()}}


# Those that make something are refused at the end: no such image, container or driver.
TARGETS: dict[str, Schema] = {
    "/containers/create": {"allOf": [{"$ref": "ContainerConfig"}, CREATE]},
    "/containers/garbage/update": {"allOf": [{"$ref": "Resources"}, names("RestartPolicy")]},
    "/containers/garbage/exec": names("AttachStdin DetachKeys Tty Env Cmd Privileged User WorkingDir ConsoleSize"),
    "/exec/nosuch/start": names("Detach Tty ConsoleSize"),
    "/networks/create": {"allOf": [names("Name Driver Internal Ingress Options Labels"), {"properties": {"IPAM": {"$ref": "IPAM"}}}]},
    "/networks/bridge/connect": {"properties": {"Container": {}, "EndpointConfig": {"$ref": "EndpointSettings"}}},
    "/networks/bridge/disconnect": names("Container Force"),
    "/volumes/create": names("Name Driver DriverOpts Labels ClusterVolumeSpec"),
    "/commit?container=nosuch": {"$ref": "ContainerConfig"},
}  # fmt: skip
GOOD: dict[str, dict[str, Any]] = {
    "/containers/create": {"Image": "nosuch"},
    "/networks/create": {"Name": "garbage", "Driver": "nosuch"},
    "/volumes/create": {"Driver": "nosuch"},
    "/networks/bridge/connect": {"Container": "nosuch"},
}


@pytest.fixture(autouse=True)
def _is_well_afterwards(engine: RunningEngine) -> Iterator[None]:
    engine.docker("run", "-d", "--name", "garbage", "busybox", "sleep", "1000")
    files, told = open_files(engine), len(log_of(engine))
    yield
    assert ping(engine) == b"OK"
    assert "Traceback" not in log_of(engine)[told:]
    deadline = time.monotonic() + 20
    while open_files(engine) > files:
        assert time.monotonic() < deadline, f"{open_files(engine)} descriptors, {files} before"
        time.sleep(0.05)
    assert engine.docker("inspect", "-f", "{{.State.Running}}", "garbage").stdout == "true\n"
    engine.docker("rm", "-f", "garbage")


def fields(schema: Schema, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where a body may have something: names of objects' fields, 0 for a list's element."""
    schema = resolved(schema)
    if path:
        yield path
    if len(path) < DEEPEST:
        inner: dict[str | int, Any] = dict(schema.get("properties", {}))
        if isinstance(schema.get("additionalProperties"), dict):
            inner["key"] = schema["additionalProperties"]
        if "items" in schema:
            inner[0] = schema["items"]
        for step, each in inner.items():
            yield from fields(each, (*path, step))


def body_with(path: tuple[str | int, ...], value: Any, good: dict[str, Any]) -> dict[str, Any]:
    for step in reversed(path[1:]):
        value = [value] if step == 0 else {step: value}
    return {**good, str(path[0]): value}


def answer(engine: RunningEngine, request: bytes, timeout: float = 20) -> tuple[int, bytes]:
    """(status, what follows the head). 0 where the engine just ends the connection."""
    with Wire(engine, timeout) as wire:
        head, _, rest = wire.send(request).end().read_all().partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, rest


def test_bodies(engine: RunningEngine) -> None:
    chosen = random.Random(SEED)
    everything = [(target, path) for target, schema in TARGETS.items() for path in fields(schema)]
    for _ in range(BODIES):
        target, path = chosen.choice(everything)
        body = json.dumps(body_with(path, chosen.choice(VALUES), GOOD.get(target, {}))).encode()
        head = f"POST /v1.41{target} HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\n"
        status, said = answer(engine, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        assert 200 <= status <= 500, (SEED, target, body[:500], said)


TEMPLATES = (
    b"GET /v1.41/containers/json?filters=%s&limit=1&all=1 HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n",
    b"POST /v1.41/containers/create?name=x HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\n"
    b"Content-Length: 20\r\nConnection: close\r\n\r\n" + b'{"Image":"nosuch1"}\n',
    b"POST /v1.41/volumes/create HTTP/1.1\r\nHost: d\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n14\r\n" + b'{"Driver":"nosuch1"}' + b"\r\n0\r\n\r\n",
    b"PUT /v1.41/containers/nosuch/archive?path=/ HTTP/1.1\r\nHost: d\r\nExpect: 100-continue\r\nConnection: close\r\n"
    b"Content-Length: 3\r\n\r\nabc",
    b"POST /v1.41/containers/nosuch/attach?stream=1 HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
)
PIECES = (b"", b"\0", b"\r\n", b"\r", b"\n", b":", b" ", b"%", b"%zz", b"\xff\xfe", b"A" * 70000, b"{", b"[" * 3000)


def damaged(chosen: random.Random) -> bytes:
    """A request some bytes of which are gone, doubled or others."""
    request = bytearray(chosen.choice(TEMPLATES))
    for _ in range(chosen.randint(1, 4)):
        start = chosen.randrange(len(request))
        end = min(len(request), start + chosen.choice((0, 1, 1, 5, 40)))
        request[start:end] = chosen.choice((*PIECES, bytes(request[start:end]) * 2))
    return bytes(request)


def test_requests_with_damaged_bytes(engine: RunningEngine) -> None:
    chosen = random.Random(SEED)
    for _ in range(HEADS):
        request = damaged(chosen)
        status, said = answer(engine, request)
        assert status == 0 or 100 <= status < 600, (SEED, request[:300], said[:300])
        assert b"Traceback" not in said
