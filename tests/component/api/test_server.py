import asyncio
import io
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from seaway.api.listeners import open_listeners
from seaway.base.errors import SystemFailure
from seaway.config.hosts import Listen

from .conftest import Engine, Talk, talk_to

GET = b"GET %s HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"


def split(reply: bytes) -> tuple[str, dict[str, str], bytes]:
    head, _, body = reply.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return status, dict(line.split(": ", 1) for line in lines), body


async def test_the_socket_is_for_root_and_docker(engine: Engine) -> None:
    assert stat.filemode(engine.path.stat().st_mode) == "srw-rw----"
    assert engine.path.stat().st_uid == os.getuid()


async def test_what_an_engine_answers_before_it_has_loaded_anything(young_engine: Engine) -> None:
    talk = talk_to(young_engine)
    assert split(await talk(GET % b"/_ping"))[2] == b"OK"
    assert json.loads(split(await talk(GET % b"/version"))[2])["ApiVersion"] == "1.51"
    waits = [asyncio.create_task(talk(GET % path)) for path in (b"/info", b"/nope")]
    left = asyncio.create_task(talk(GET % b"/info"))
    await asyncio.sleep(0.05)
    left.cancel()  # one that goes away takes nothing with it
    await asyncio.wait([left])
    assert not any(task.done() for task in waits)
    young_engine.load()
    info, nope = [split(await task)[0] for task in waits]
    assert info.endswith("200 OK")
    assert nope.endswith("404 Not Found")


async def test_ping_tells_what_clients_negotiate_with(talk: Talk) -> None:
    status, headers, body = split(await talk(GET % b"/_ping"))
    assert (status, body) == ("HTTP/1.1 200 OK", b"OK")
    for name, value in {
        "Api-Version": "1.51",
        "Ostype": "linux",
        "Docker-Experimental": "false",
        "Server": "Docker/28.5.2 (linux)",
        "Builder-Version": "1",
        "Swarm": "inactive",
        "Cache-Control": "no-cache, no-store, must-revalidate",
        "Content-Type": "text/plain; charset=utf-8",
    }.items():
        assert headers[name] == value
    status, headers, body = split(await talk(b"HEAD /v1.24/_ping HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"))
    assert (status, headers["Content-Length"], body) == ("HTTP/1.1 200 OK", "0", b"")


@pytest.mark.parametrize("line", [b"GET /nope", b"PUT /info", b"GET /v1.41x/info", b"HEAD /info"])
async def test_no_route(talk: Talk, line: bytes) -> None:
    status, headers, body = split(await talk(line + b" HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"))
    assert status == "HTTP/1.1 404 Not Found"
    assert headers.keys() - {"Connection"} == {"Content-Type", "Date", "Content-Length"}
    assert body in (b'{"message":"page not found"}\n', b"")


async def test_versions_are_refused(talk: Talk) -> None:
    status, headers, body = split(await talk(GET % b"/v1.99/info"))
    assert status == "HTTP/1.1 400 Bad Request"
    assert body == b'{"message":"client version 1.99 is too new. Maximum supported API version is 1.51"}\n'
    assert "Docker-Experimental" not in headers
    status, headers, body = split(await talk(GET % b"/v1.23/info"))
    assert headers["Content-Type"] == "text/plain; charset=utf-8"
    assert body.startswith(b"client version 1.23 is too old.")


async def test_failures_become_replies(talk: Talk, caplog: pytest.LogCaptureFixture) -> None:
    status, headers, body = split(await talk(GET % b"/conflict"))
    assert (status, body) == ("HTTP/1.1 409 Conflict", b'{"message":"already there"}\n')
    assert headers["Api-Version"] == "1.51"
    status, _, body = split(await talk(GET % b"/bug"))
    assert status.startswith("HTTP/1.1 500")
    assert "Traceback" in caplog.text


async def test_bodies_and_expectations(talk: Talk) -> None:
    head = b"POST /echo HTTP/1.1\r\nHost: d\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
    assert (await talk(head % 7 + b'\r\n{"a":1}')).endswith(b'{"a":1}\n')
    assert b"got EOF while reading request body" in await talk(head % 0 + b"\r\n")
    assert b"invalid JSON: unexpected EOF" in await talk(head % 9 + b'\r\n{"a":1}', end=True)
    reply = await talk(head % 2 + b"Expect: 100-continue\r\n\r\n{}")
    assert reply.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_bodies_have_no_limit_and_queries_a_long_one(engine: Engine) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(engine.path))) as client:
        async with client.put("http://d/upload", data=io.BytesIO(b"x" * (20 << 20))) as reply:
            assert await reply.json() == {"size": 20 << 20}
        async with client.get("http://d/info", params={"q": "x" * 500_000}) as reply:
            assert await reply.json() == {"Version": "1.51"}
        async with client.put("http://d/upload", data=b"\x1f\x8bno", headers={"Content-Encoding": "gzip"}) as reply:
            assert await reply.json() == {"size": 4}


async def test_what_is_not_http(talk: Talk) -> None:
    status, _, body = split(await talk(b"\x16\x03\x01hello\r\n\r\n"))
    assert status.endswith(" 400 Bad Request")
    assert body == b"400 Bad Request"


async def test_requests_share_a_connection(talk: Talk) -> None:
    sent = b"GET /info HTTP/1.1\r\nHost: d\r\n\r\n" * 3 + GET % b"/info"
    assert (await talk(sent)).count(b"HTTP/1.1 200 OK") == 4


async def test_a_client_that_has_said_all_still_reads(talk: Talk) -> None:
    assert (await talk(b"GET /slow?seconds=0.05 HTTP/1.1\r\nHost: d\r\n\r\n", end=True)).endswith(b'"done"\n')
    assert (await talk(b"GET /info HTTP/1.0\r\n\r\n", end=True)).endswith(b'{"Version":"1.51"}\n')


@pytest.mark.parametrize("half_closed", [False, True])
async def test_a_client_that_leaves_frees_its_handler(engine: Engine, half_closed: bool) -> None:
    _, writer = await asyncio.open_unix_connection(str(engine.path))
    writer.write(b"GET /slow?seconds=60 HTTP/1.1\r\nHost: d\r\n\r\n")
    if half_closed:
        writer.write_eof()
    await asyncio.sleep(0.05)
    assert not engine.cancelled.is_set()
    writer.close()
    async with asyncio.timeout(5):
        await engine.cancelled.wait()


async def test_websockets(engine: Engine) -> None:
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(engine.path))) as client:
        async with client.ws_connect("http://d/v1.51/ws") as socket:
            await socket.send_bytes(b"hello")
            assert await socket.receive_bytes() == b"HELLO"


async def test_many_clients_at_once(engine: Engine, talk: Talk) -> None:
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(talk(GET % b"/info")) for _ in range(500)]
    assert all(task.result().startswith(b"HTTP/1.1 200 OK") for task in asked)


async def test_events_stream_until_the_client_leaves(engine: Engine) -> None:
    engine.bus.publish("container", "start", "c1", {"image": "busybox", "name": "<a>"})
    reader, writer = await asyncio.open_unix_connection(str(engine.path))
    writer.write(b"GET /events?since=1 HTTP/1.1\r\nHost: d\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert b"Content-Type: application/json" in head
    await reader.readuntil(b"\r\n")
    assert b'"name":"\\u003ca\\u003e"' in await reader.readuntil(b"\n")
    engine.bus.publish("volume", "create", "v1")
    await reader.readuntil(b"\r\n")
    await reader.readuntil(b"\r\n")
    event = json.loads(await reader.readuntil(b"\n"))
    assert event.keys() == {"Type", "Action", "Actor", "scope", "time", "timeNano"}
    assert engine.bus.listeners == 1
    writer.close()
    async with asyncio.timeout(2):
        while engine.bus.listeners:
            await asyncio.sleep(0.01)


async def test_events_end_at_a_time_and_obey_filters(engine: Engine, talk: Talk) -> None:
    engine.bus.publish("container", "start", "c1")
    engine.bus.publish("container", "die", "c1")
    path = b'/events?since=1&until=9999999999&filters={"event":["die"]}'
    body = split(await talk(GET % path.replace(b"9999999999", b"%d" % (engine.bus.past(1)[-1].time_ns // 10**9 + 1))))[
        2
    ]
    assert body.count(b'"Action"') == 1
    assert b"`since` time (10) cannot be after `until` time (5)" in await talk(GET % b"/events?since=10&until=5")
    assert b'"invalid filter"' in await talk(GET % b"/events?filters=x")
    assert b"strconv.ParseInt" in await talk(GET % b"/events?since=abc")


async def test_several_listeners_and_refused_ones(engine: Engine, tmp_path: Path) -> None:
    sockets = open_listeners(Listen("tcp", "127.0.0.1"))
    port = sockets[0].getsockname()[1]
    await engine.api.listen(sockets)
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{port}/info") as reply:
        assert reply.status == 200
    for listen, text in {
        Listen("fd", ""): "no sockets found via socket activation",
        Listen("tcp", "127.0.0.1", port): "Address already in use",
        Listen("unix", f"{tmp_path}/{'x' * 200}"): "too long",
    }.items():
        with pytest.raises(SystemFailure, match=text):
            open_listeners(listen)
    with pytest.raises(SystemFailure, match="group nobodys not found"):
        open_listeners(Listen("unix", f"{tmp_path}/b.sock"), group="nobodys")


def test_a_socket_from_systemd(tmp_path: Path) -> None:
    program = (
        "import os, sys; from seaway.api.listeners import inherited_sockets;"
        "os.environ['LISTEN_PID'] = str(os.getpid());"
        "print([s.getsockname() for s in inherited_sockets(sys.argv[1], os.environ)])"
    )
    with open_listeners(Listen("unix", f"{tmp_path}/a.sock"))[0] as listener:
        for name in ("", "3", "docker.socket"):
            done = subprocess.run(
                ["bash", "-c", f'exec 3<&{listener.fileno()}; exec "$0" -c "$1" "$2"', sys.executable, program, name],
                env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "docker.socket"},
                pass_fds=[listener.fileno()],
                capture_output=True,
                text=True,
                check=True,
            )
            assert done.stdout == f"['{tmp_path}/a.sock']\n"


async def test_answers_without_a_body(talk: Talk) -> None:
    status, headers, body = split(await talk(b"OPTIONS /any HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"))
    assert (status, headers["Content-Length"], body) == ("HTTP/1.1 200 OK", "0", b"")
    assert "Content-Type" not in headers
    status, headers, body = split(await talk(GET % b"/nothing"))
    assert (status, body) == ("HTTP/1.1 204 No Content", b"")
    assert not headers.keys() & {"Content-Type", "Content-Length", "Transfer-Encoding"}
