import asyncio
import os

from .conftest import Engine, Talk

UPGRADE = b"Connection: Upgrade\r\nUpgrade: tcp\r\n"
ATTACH = b"POST /v1.51/containers/c/attach?stream=1 HTTP/1.1\r\nHost: d\r\n%sContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n"
EXEC = b"POST /exec/e/start HTTP/1.1\r\nHost: d\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
HEAD_101 = (
    b"HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
    b"Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
)
HEAD_200 = b"HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n"


async def test_the_end_of_stdin_is_not_the_end_of_output(talk: Talk) -> None:
    assert await talk(ATTACH % UPGRADE + b"early", end=True) == HEAD_101 + b"EARLYbye"
    assert await talk(ATTACH % b"" + b"early", end=True) == HEAD_200 + b"EARLYbye"
    assert await talk(ATTACH % b"", end=True) == HEAD_200 + b"bye"


async def test_early_bytes_that_look_like_a_request_are_the_streams(talk: Talk) -> None:
    sent = b"get /info http/1.1\r\n\r\n\0\xff"
    for form in (UPGRADE, b""):
        assert (await talk(ATTACH % form + sent, end=True)).endswith(b"\r\n\r\n" + sent.upper() + b"bye")


async def test_a_dialogue_in_pieces(engine: Engine) -> None:
    reader, writer = await asyncio.open_unix_connection(str(engine.path))
    for byte in ATTACH % UPGRADE:
        writer.write(bytes([byte]))
        await asyncio.sleep(0)
    assert await reader.readuntil(b"\r\n\r\n") == HEAD_101
    for word in (b"one", b"two"):
        writer.write(word)
        assert await reader.readexactly(3) == word.upper()
    writer.write_eof()
    assert await reader.read() == b"bye"
    writer.close()


async def test_a_body_comes_before_the_stream(talk: Talk) -> None:
    reply = await talk(EXEC % (UPGRADE, 10, b'{"Size":3}') + b"early", end=True)
    assert reply.startswith(b"HTTP/1.1 101 UPGRADED\r\n")
    assert b"\r\nApi-Version: 1.51\r\n\r\nxxxearly" in reply


async def test_an_ordinary_reply_gives_the_connection_back(talk: Talk) -> None:
    again = b"GET /info HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n"
    for form in (UPGRADE, b""):
        reply = await talk(EXEC % (form, 15, b'{"Detach":true}') + again)
        assert reply.count(b"HTTP/1.1 200 OK") == 2
        assert reply.endswith(b'{"Version":"1.51"}\n')


async def test_much_in_both_directions(engine: Engine) -> None:
    sent = b"abc" * 1_000_000
    reader, writer = await asyncio.open_unix_connection(str(engine.path))
    writer.write(ATTACH % UPGRADE + sent)
    writer.write_eof()
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.read() == sent.upper() + b"bye"
    writer.close()


async def test_a_slow_reader_loses_nothing(engine: Engine) -> None:
    reader, writer = await asyncio.open_unix_connection(str(engine.path), limit=1024)
    writer.write(EXEC % (UPGRADE, 16, b'{"Size":8000000}') + b"z")
    await asyncio.sleep(0.1)
    await reader.readuntil(b"\r\n\r\n")
    assert len(await reader.read()) == 8_000_001
    writer.close()


async def test_a_client_that_goes_away_frees_the_handler(engine: Engine) -> None:
    reader, writer = await asyncio.open_unix_connection(str(engine.path))
    writer.write(ATTACH % UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"x" * 4_000_000)
    writer.transport.abort()
    async with asyncio.timeout(5):
        await engine.cancelled.wait()


async def test_closing_the_server_ends_streams(engine: Engine) -> None:
    reader, writer = await asyncio.open_unix_connection(str(engine.path))
    writer.write(ATTACH % UPGRADE)
    await reader.readuntil(b"\r\n\r\n")
    await engine.api.close(timeout_s=0.05)
    async with asyncio.timeout(5):
        assert await reader.read() == b""
    assert engine.cancelled.is_set()
    writer.close()


async def test_attach_refuses_in_the_streams_form(talk: Talk) -> None:
    assert await talk((ATTACH % UPGRADE).replace(b"/c/", b"/none/")) == (
        b"HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nNo such container: none\r\n"
    )


async def test_a_silent_client_that_leaves_is_noticed_and_what_it_said_is_heard(engine: Engine) -> None:
    _, writer = await asyncio.open_unix_connection(str(engine.path))
    writer.write(b"POST /containers/silent/attach HTTP/1.1\r\nHost: d\r\n\r\nlast words")
    await asyncio.sleep(0.05)
    writer.transport.abort()
    async with asyncio.timeout(5):
        await engine.cancelled.wait()
    assert engine.heard == b"last words"


async def test_nothing_is_left_of_many_streams(engine: Engine, talk: Talk) -> None:
    before = len(os.listdir("/proc/self/fd"))
    async with asyncio.TaskGroup() as group:
        for form in (UPGRADE, b"") * 100:
            group.create_task(talk(ATTACH % form + b"early", end=True))
    async with asyncio.timeout(5):
        while engine.api.connections or len(os.listdir("/proc/self/fd")) > before:
            await asyncio.sleep(0.01)
