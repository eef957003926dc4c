"""What no client should send. Each gets dockerd's status and words, the engine goes on, and nothing is left behind."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote, unquote

import pytest

from conformance.conftest import RunningEngine
from conformance.streams import UPGRADE, Wire, post
from conformance.vitals import log_of, open_files, ping

JSON = "Content-Type: application/json\r\n"


@pytest.fixture(scope="module", autouse=True)
def _is_warm(engine: RunningEngine) -> None:
    """The first container opens what stays open."""
    assert engine.docker("run", "--rm", "busybox", "true").returncode == 0


@pytest.fixture(autouse=True)
def _goes_on_and_gives_back(engine: RunningEngine) -> Iterator[None]:
    """Afterwards the engine answers, and holds no more descriptors than before."""
    assert ping(engine) == b"OK"
    before = open_files(engine)
    yield
    assert ping(engine) == b"OK"
    deadline = time.monotonic() + 20
    while open_files(engine) > before:
        assert time.monotonic() < deadline, f"{open_files(engine)} descriptors, {before} before"
        time.sleep(0.05)


def ask(
    engine: RunningEngine, method: str, path: str, body: bytes | None = None, headers: str = JSON
) -> tuple[int, str]:
    """(status, message)."""
    length = "" if body is None else f"{headers}Content-Length: {len(body)}\r\n"
    with Wire(engine) as wire:
        wire.send(f"{method} {path} HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{length}\r\n".encode() + (body or b""))
        head, _, answer = wire.read_all().partition(b"\r\n\r\n")
    try:
        message = json.loads(answer)["message"]
    except (ValueError, KeyError, TypeError):
        message = answer.decode()
    return int(head.split()[1]), message


def create(engine: RunningEngine, body: bytes, headers: str = JSON, name: str = "") -> tuple[int, str]:
    return ask(engine, "POST", f"/v1.41/containers/create?name={name}", body, headers)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{", "unexpected EOF"),
        (b'{"Image":', "unexpected EOF"),
        (b"nul", "unexpected EOF"),
        (b"x", "invalid character 'x' looking for beginning of value"),
        (b"{'a':1}", r"invalid character '\'' looking for beginning of object key string"),
        (b'{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":"\x01"}', r"invalid character '\x01' in string literal"),
        (b'{"a":"\\x"}', "invalid character 'x' in string escape code"),
        (b"[1 2]", "invalid character '2' after array element"),
    ],
)
def test_what_is_no_json(engine: RunningEngine, body: bytes, text: str) -> None:
    expected = (400, f"invalid JSON: {text}") if engine.api_version >= (1, 44) else (500, text)
    assert create(engine, body) == expected


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ([], "array into Go value of type {}"),
        ("x", "string into Go value of type {}"),
        ({"Image": 1}, "number into Go struct field {}.Image of type string"),
        ({"Tty": "yes"}, "string into Go struct field {}.Tty of type bool"),
        ({"Env": {"a": 1}}, "object into Go struct field {}.Env of type []string"),
        ({"Labels": {"a": 1}}, "number into Go struct field {}.Labels of type string"),
    ],
)
def test_json_of_the_wrong_type(engine: RunningEngine, body: Any, text: str) -> None:
    status, message = create(engine, json.dumps(body).encode())
    if engine.api_version >= (1, 44):
        assert (status, message) == (400, f"invalid JSON: json: cannot unmarshal {text.format('CreateRequest')}")
    else:
        kind = "ContainerConfigWrapper" if "field" in text else "runconfig.ContainerConfigWrapper"
        assert (status, message) == (500, f"json: cannot unmarshal {text.format(kind)}")


@pytest.mark.min_api("1.44")
@pytest.mark.parametrize(
    ("value", "kind"),
    [("x", "string"), (1.5, "number 1.5"), (1 << 63, f"number {1 << 63}"), ([], "array"), (True, "bool")],
)
def test_numbers_that_are_none(engine: RunningEngine, value: Any, kind: str) -> None:
    status, message = create(engine, json.dumps({"Image": "busybox", "HostConfig": {"Memory": value}}).encode())
    text = f"json: cannot unmarshal {kind} into Go struct field CreateRequest.HostConfig.Memory of type int64"
    assert (status, message) == (400, f"invalid JSON: {text}")


@pytest.mark.parametrize("body", [b"null", b"{}", b'{"HostConfig":null}', b'{"Unknown":1}'])
def test_nothing_to_create(engine: RunningEngine, body: bytes) -> None:
    status, message = create(engine, body)
    assert (status, message.lower()) == (400, "config cannot be empty in order to create a container")


def test_keys_of_any_case_unknown_ones_and_nulls_are_taken(engine: RunningEngine) -> None:
    body = b'{"iMaGe":"busybox","CMD":["true"],"Nope":{"a":[1]},"Env":null,"HostConfig":{"Binds":null,"Nope":1}}'
    assert create(engine, body, name="odd")[0] == 201
    assert engine.docker("rm", "odd").returncode == 0


@pytest.mark.parametrize("length", ["Content-Length: 0\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"])
def test_an_empty_body(engine: RunningEngine, length: str) -> None:
    with Wire(engine) as wire:
        wire.send(f"POST /containers/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\n{JSON}{length}".encode())
        reply = wire.read_all()
    assert engine.words("invalid JSON: got EOF while reading request body", old='"EOF"').encode() in reply


@pytest.mark.parametrize("kind", ["text/plain", "application/json2", "garbage", "application/x-www-form-urlencoded"])
def test_bodies_of_another_type(engine: RunningEngine, kind: str) -> None:
    text = engine.words("unsupported Content-Type header ({}): must be", old="Content-Type specified ({}) must be")
    assert create(engine, b"{}", f"Content-Type: {kind}\r\n") == (400, f"{text.format(kind)} 'application/json'")


@pytest.mark.min_api("1.44")
@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("", "no media type"),
        ("text/", "expected token after slash"),
        ("a b", "expected slash after first token"),
        ("application/json; x", "invalid media parameter"),
    ],
)
def test_types_that_are_none(engine: RunningEngine, kind: str, fault: str) -> None:
    header = f"Content-Type: {kind}\r\n" if kind else ""
    assert create(engine, b"{}", header) == (400, f"malformed Content-Type header ({kind}): mime: {fault}")


def test_a_body_that_ends_early(engine: RunningEngine) -> None:
    for end in (Wire.end, Wire.close):
        for path in ("/containers/create", "/images/load", "/containers/x/exec"):
            with Wire(engine) as wire:
                wire.send(f"POST {path} HTTP/1.1\r\nHost: d\r\n{JSON}Content-Length: 100\r\n\r\n{{".encode())
                end(wire)
                if end is Wire.end:
                    assert wire.read_all().startswith((b"HTTP/1.1 4", b"HTTP/1.1 5", b"HTTP/1.1 200"))


def huge(size: int) -> bytes:
    return b'{"Image":"busybox","Cmd":["' + b"a" * size + b'"]}'


def test_a_huge_body_is_read_and_holds_nobody_up(engine: RunningEngine) -> None:
    with Wire(engine) as wire:
        body = huge(40 << 20).replace(b"busybox", b"no/such:image")
        head = f"POST /containers/create HTTP/1.1\r\nHost: d\r\n{JSON}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        wire.send(head.encode())
        for start in range(0, len(body), 1 << 20):
            wire.send(body[start : start + (1 << 20)])
        with ThreadPoolExecutor(1) as pool:
            assert pool.submit(ping, engine, 2).result() == b"OK"
        reply = wire.read_all()
    assert reply.startswith(b"HTTP/1.1 404 ")
    assert b"o such image: no/such:image" in reply


@pytest.mark.parametrize("method", ["FOO", "get", "GETX", "X-Y!"])
def test_a_method_of_no_route(engine: RunningEngine, method: str) -> None:
    with Wire(engine) as wire:
        reply = wire.send(f"{method} /info HTTP/1.1\r\nHost: d\r\n\r\n".encode()).read_all()
    assert reply.startswith(b"HTTP/1.1 404 Not Found\r\n")
    assert reply.endswith(b'{"message":"page not found"}\n')


@pytest.mark.parametrize(
    ("sent", "refusal"),
    [
        (b"GET /_ping HTTP/1.1\r\n\r\n", b"400 Bad Request: missing required Host header"),
        (b"GET /_ping HTTP/1.1\r\nHost: d\r\nBad Header: x\r\n\r\n", b"400 Bad Request: invalid header name"),
        (b"F@O /_ping HTTP/1.1\r\nHost: d\r\n\r\n", b"400 Bad Request"),
        (b"GET /_ping HTTP/2.0\r\nHost: d\r\n\r\n", b"505 HTTP Version Not Supported: unsupported protocol version"),
    ],
)
def test_a_refused_head_has_gos_words(engine: RunningEngine, sent: bytes, refusal: bytes) -> None:
    with Wire(engine) as wire:
        head, _, body = wire.send(sent).read_all().partition(b"\r\n\r\n")
    assert head.partition(b"\r\n")[0] == b"HTTP/1.1 " + refusal
    assert b"\r\nConnection: close" in head
    assert body == refusal


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nope"),
        ("GET", "/"),
        ("DELETE", "/info"),
        ("GET", "/v1.41x/info"),
        ("GET", "/v/info"),
        ("PATCH", "/info"),
        ("GET", "/_ping/"),
    ],
)
def test_no_such_route(engine: RunningEngine, method: str, path: str) -> None:
    assert ask(engine, method, path) == (404, "page not found")


@pytest.mark.parametrize(
    ("version", "text"),
    [
        ("9.9", "client version 9.9 is too new. Maximum supported API version is"),
        ("99999999999999", "client version 99999999999999 is too new. Maximum supported API version is"),
        ("1.1", "client version 1.1 is too old. Minimum supported API version is"),
        ("0", "client version 0 is too old. Minimum supported API version is"),
        ("1..2", "client version 1..2 is too old. Minimum supported API version is"),
    ],
)
def test_versions_that_are_not_spoken(engine: RunningEngine, version: str, text: str) -> None:
    status, message = ask(engine, "GET", f"/v{version}/info")
    assert status == 400
    assert message.startswith(text)


def test_paths_are_simplified_by_the_client(engine: RunningEngine) -> None:
    with Wire(engine) as wire:
        head = wire.send(b"GET //v1.41/../info?a=b HTTP/1.0\r\n\r\n").read_all()
    assert head.startswith(b"HTTP/1.0 301 Moved Permanently\r\n")
    assert b"\r\nLocation: /info?a=b\r\n" in head


@pytest.mark.parametrize(
    "sent",
    [
        b"hello\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET info HTTP/1.1\r\nHost: d\r\n\r\n",
        b"GET /containers/%zz/json HTTP/1.1\r\nHost: d\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: d\r\nfoo bar\r\n\r\n",
        b"GET /_ping HTTP/1.1\r\nHost: d\r\nA: \0\r\n\r\n",
        b"POST /auth HTTP/1.1\r\nHost: d\r\nContent-Length: -1\r\n\r\n",
        b"POST /auth HTTP/1.1\r\nHost: d\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    ],
)
def test_what_is_no_http(engine: RunningEngine, sent: bytes) -> None:
    with Wire(engine) as wire:
        reply = wire.send(sent).read_all()
    assert b" 400 Bad Request" in reply.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /_ping HTTP/2.0\r\nHost: d\r\n\r\n", b" 505 "),
        (b"GET /_ping HTTP/1.1\r\nHost: d\r\nExpect: the-worst\r\n\r\n", b" 417 "),
    ],
)
def test_protocols_and_expectations_that_are_not_met(engine: RunningEngine, sent: bytes, status: bytes) -> None:
    with Wire(engine) as wire:
        assert status in wire.send(sent).read_all().partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "form", ["GET /_ping?{} HTTP/1.1\r\nHost: d\r\n\r\n", "GET /_ping HTTP/1.1\r\nHost: d\r\nA: {}\r\n\r\n"]
)
def test_heads_without_end(engine: RunningEngine, form: str) -> None:
    with Wire(engine) as wire:
        try:
            assert b" 4" in wire.send(form.format("a" * (4 << 20)).encode()).read_all().partition(b"\r\n")[0]
        except (BrokenPipeError, ConnectionResetError):
            pass  # it was hung up on, in the middle


def test_requests_in_a_row_are_answered_in_a_row(engine: RunningEngine) -> None:
    pieces = [b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n", b"GET /nope HTTP/1.1\r\nHost: d\r\n\r\n"] * 20
    with Wire(engine) as wire:
        replies = wire.send(b"".join(pieces) + b"GET /_ping HTTP/1.0\r\n\r\n").read_all()
    assert (replies.count(b"200 OK"), replies.count(b"404 Not Found")) == (21, 20)


def test_slow_heads_hold_nobody_up(engine: RunningEngine) -> None:
    slow = [Wire(engine).send(b"POST /v1.41/containers/crea") for _ in range(200)]
    assert ping(engine, 2) == b"OK"
    for wire in slow:
        wire.send(b"te HTTP/1.1\r\nHo")
    assert ping(engine, 2) == b"OK"
    for wire in slow:
        wire.close()


def test_five_hundred_at_once(engine: RunningEngine) -> None:
    wires = [Wire(engine) for _ in range(500)]
    for wire in wires:
        wire.send(b"GET /_ping HTTP/1.1\r\nHost: d\r\n\r\n")
    assert all(wire.read_until(b"\r\n\r\nOK") for wire in wires)
    with ThreadPoolExecutor(50) as pool:
        assert set(pool.map(lambda _: ask(engine, "GET", "/containers/json")[0], range(500))) == {200}
    for wire in wires:
        wire.close()


def test_clients_that_leave_in_the_middle(engine: RunningEngine) -> None:
    engine.docker("run", "-d", "--name", "left", "busybox", "sleep", "1000")
    requests = [
        b"GET /events HTTP/1.1\r\nHost: d\r\n\r\n",
        b"GET /containers/left/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: d\r\n\r\n",
        b"POST /containers/left/wait HTTP/1.1\r\nHost: d\r\n\r\n",
        post("/containers/left/attach?stream=1&stdout=1&stdin=1", headers=UPGRADE),
        post("/containers/create", {"Image": "none:none"})[:-5],
        b"POST /images/load HTTP/1.1\r\nHost: d\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    ]
    before = log_of(engine).count("Traceback")
    for request in requests * 20:
        Wire(engine).send(request).close()
    engine.docker("rm", "-f", "left")
    assert log_of(engine).count("Traceback") == before


@pytest.mark.parametrize("text", ["x", "[]", '"a"', "1", '{"status":"running"}', '{"status":[1]}'])
def test_filters_that_are_none(engine: RunningEngine, text: str) -> None:
    status, message = ask(engine, "GET", f"/containers/json?filters={quote(text)}")
    if engine.api_version >= (1, 44):
        assert (status, message) == (400, "invalid filter")
    else:
        assert status == 500


@pytest.mark.parametrize(
    ("path", "filters", "shown"),
    [
        ("/containers/json", {"nope": ["1"]}, "nope"),
        ("/containers/json", {"status": ["nope"]}, "status=nope"),
        ("/containers/json", {"is-task": ["x"]}, "is-task=[x]"),
        ("/images/json", {"nope": ["1"]}, "nope"),
        ("/images/json", {"dangling": ["maybe"]}, "dangling=[maybe]"),
        ("/volumes", {"nope": ["1"]}, "nope"),
        ("/networks", {"nope": ["1"]}, "nope"),
    ],
)
def test_filters_that_nobody_knows(engine: RunningEngine, path: str, filters: dict[str, list[str]], shown: str) -> None:
    status, message = ask(engine, "GET", f"/v1.41{path}?filters={quote(json.dumps(filters))}")
    assert (status, message.lower()) == (400, f"invalid filter '{shown}'")


@pytest.mark.parametrize(
    ("method", "path", "text"),
    [
        ("GET", "/containers/json?limit=x", 'strconv.Atoi: parsing "x": invalid syntax'),
        ("GET", "/containers/json?limit=1.5", 'strconv.Atoi: parsing "1.5": invalid syntax'),
        ("GET", "/containers/json?limit=99999999999999999999", 'strconv.Atoi: parsing "99999999999999999999": value out of range'),
        ("POST", "/containers/num/stop?t=x", 'strconv.Atoi: parsing "x": invalid syntax'),
        ("POST", "/containers/num/restart?t=1.5", 'strconv.Atoi: parsing "1.5": invalid syntax'),
        ("GET", "/events?since=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("GET", "/events?since=1.x&until=2", 'strconv.ParseInt: parsing "x": invalid syntax'),
        ("GET", "/containers/num/logs?stdout=1&since=x", 'strconv.ParseInt: parsing "x": invalid syntax'),
    ],
)  # fmt: skip
def test_numbers_in_queries(engine: RunningEngine, method: str, path: str, text: str) -> None:
    engine.docker("create", "--name", "num", "busybox", "true")
    assert ask(engine, method, f"/v1.41{path}") == (int(engine.words("400", old="500")), text)
    engine.docker("rm", "num")


def test_a_start_takes_no_settings(engine: RunningEngine) -> None:
    status, message = ask(engine, "POST", "/v1.41/containers/nosuch/start", b'{"Binds":["/a:/b"]}')
    removed = "starting container with non-empty request body was deprecated since API v1.22 and removed in v1.24"
    assert (status, message) == (400, removed)
    assert ask(engine, "POST", "/v1.41/containers/nosuch/start", b"{}") == (404, "No such container: nosuch")


@pytest.mark.parametrize("name", ["a", "/", "-ab", ".ab", "_ab", "a/b", "a b", "a:b", "a\0b", "äb", "a" * 1_000 + "/"])
def test_names_that_are_none(engine: RunningEngine, name: str) -> None:
    status, message = create(engine, b'{"Image":"busybox","Cmd":["true"]}', name=quote(name, safe=""))
    assert (status, message) == (400, f"Invalid container name ({name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed")


@pytest.mark.parametrize(
    ("reference", "text"),
    [
        *[(r, "invalid reference format") for r in ("a b", ":", "a:", "@", "a@b", "a@sha256:12", "/a", "a/", "-a", "..", "a___b", "x.y:z/a", "\0", "ä")],
        ("a" * 300, "repository name must not be more than 255 characters"),
        ("a:" + "b" * 129, "invalid reference format"),
        ("A", "invalid reference format: repository name"),
    ],
)  # fmt: skip
def test_references_that_are_none(engine: RunningEngine, reference: str, text: str) -> None:
    status, message = create(engine, json.dumps({"Image": reference, "Cmd": ["true"]}).encode())
    assert status == 400
    assert message.startswith(text)
    if reference in ("/a", ".."):
        return  # in a path, these lead elsewhere
    status, message = ask(engine, "DELETE", f"/images/{quote(reference, safe='/:@')}")
    assert status == 400
    assert message.startswith(text)


@pytest.mark.parametrize("name", ["none", "a" * 65, "zz", "a b", "*", "a/b", "a%00b"])
def test_containers_that_are_none(engine: RunningEngine, name: str) -> None:
    for path in ("json", "top", "stats", "changes", "export", "logs?stdout=1"):
        status, message = ask(engine, "GET", f"/containers/{quote(name, safe='%')}/{path}")
        assert (status, message) == (404, f"No such container: {unquote(name)}")


def test_a_new_name_is_asked_for_before_the_container(engine: RunningEngine) -> None:
    refusal = (400, "Neither old nor new names may be empty")
    assert ask(engine, "POST", "/v1.41/containers/nosuch/rename") == refusal
    assert ask(engine, "POST", "/v1.41/containers/nosuch/rename?name=other")[0] == 404


def test_capabilities_may_be_one_word(engine: RunningEngine) -> None:
    """docker-py hands on what it is given."""
    with engine.client() as client:
        shown = client.containers.run("busybox", "grep CapEff /proc/self/status", cap_add="ALL", remove=True)
        assert int(shown.split()[1], 16) > 0xA80425FB
        made = client.containers.create("busybox", "true", cap_drop="NET_RAW")
        assert made.attrs["HostConfig"]["CapDrop"] == ["NET_RAW"]
        made.remove()
    status, message = create(engine, b'{"Image":"busybox","HostConfig":{"CapAdd":5}}')
    assert (status in (400, 500), "CapAdd" in message) == (True, True)


def test_names_that_are_no_files_are_no_plugins(engine: RunningEngine) -> None:
    name = "9" * 5000
    for path, body in (
        ("/networks/create", {"Name": "plugged", "Driver": name}),
        ("/networks/create", {"Name": "plugged", "IPAM": {"Driver": name}}),
        ("/volumes/create", {"Driver": name}),
    ):
        status, message = ask(engine, "POST", f"/v1.41{path}", json.dumps(body).encode())
        assert (status, "not found" in message) == (404, True) or not engine.is_seaway


@pytest.mark.parametrize("name", ["a\x00b", "a\rb", "é" * 200])
def test_names_of_networks_that_no_firewall_takes(engine: RunningEngine, name: str) -> None:
    status, made = ask(engine, "POST", "/v1.41/networks/create", json.dumps({"Name": name}).encode())
    assert status == 201, made
    assert ask(engine, "DELETE", f"/v1.41/networks/{json.loads(made)['Id']}")[0] == 204


def test_bytes_that_are_no_text(engine: RunningEngine) -> None:
    status, answer = ask(engine, "POST", "/v1.41/volumes/create", b'{"Name":"latin","Labels":{"\xe9":"\xff"}}')
    assert (status, json.loads(answer)["Labels"]) == (201, {"\ufffd": "\ufffd"})
    assert engine.docker("volume", "rm", "latin").returncode == 0
    with Wire(engine) as wire:
        head = b"POST /containers/create HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Length: 2\r\n"
        answer = wire.send(head + b"Content-Type: text/\xff\r\n\r\n{}").read_all().decode()
    assert answer.startswith("HTTP/1.1 400 ")
    assert "malformed Content-Type header (text/\ufffd)" in answer or not engine.is_seaway
