"""The hub between conmon's socket and the clients; conmon is a real socket that the test answers."""

import asyncio
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from seaway.base.supervisor import Supervisor
from seaway.engine.streams import QUEUE_BYTES, Client, Streams
from seaway.runtime.attach import AttachChannel

STDOUT, STDERR = b"\x02", b"\x03"


class Conmon:
    """The far end of one process's streams."""

    def __init__(self, run_dir: Path) -> None:
        run_dir.mkdir()
        self.run_dir = run_dir
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(str(run_dir / "attach"))
        self._listener.listen()
        self._peer: socket.socket | None = None

    @property
    def peer(self) -> socket.socket:
        if self._peer is None:
            self._peer, _ = self._listener.accept()
            self._peer.setblocking(False)
        return self._peer

    async def say(self, data: bytes, stream: bytes = STDOUT) -> None:
        await asyncio.get_running_loop().sock_sendall(self.peer, stream + data)

    async def hear(self) -> bytes:
        return await asyncio.get_running_loop().sock_recv(self.peer, 65536)

    def end(self) -> None:
        self.peer.close()

    def close(self) -> None:
        self._listener.close()
        if self._peer:
            self._peer.close()


@pytest.fixture
async def streams() -> AsyncIterator[Streams]:
    supervisor = Supervisor()
    yield Streams(supervisor)
    await supervisor.close()


@pytest.fixture
async def conmon(tmp_path: Path) -> AsyncIterator[Conmon]:
    conmon = Conmon(tmp_path / "run")
    yield conmon
    conmon.close()


async def all_of(client: Client) -> bytes:
    data = b""
    while pieces := await client.recv():
        data += b"".join(p.data for p in pieces)
    return data


async def test_who_comes_before_the_start_misses_nothing(streams: Streams, conmon: Conmon) -> None:
    early = streams.attach("c")
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    await conmon.say(b"out")
    await conmon.say(b"err", STDERR)
    conmon.end()
    pieces = list(await early.recv())
    while more := await early.recv():
        pieces += more
    assert [(p.stream, p.data) for p in pieces] == [(1, b"out"), (2, b"err")]


async def test_input_waits_for_the_start_and_so_does_its_end(streams: Streams, conmon: Conmon) -> None:
    client = streams.attach("c")
    sending = asyncio.ensure_future(client.send(b"early"))
    await asyncio.sleep(0)
    assert not sending.done()
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    assert await conmon.hear() == b"early"
    await sending
    client.close_stdin()
    assert await conmon.hear() == b""


async def test_stdin_that_ended_before_the_start_is_at_its_end(streams: Streams, conmon: Conmon) -> None:
    client = streams.attach("c")
    client.close_stdin()
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    assert await conmon.hear() == b""


async def test_a_slow_client_holds_the_process_back_until_it_leaves(streams: Streams, conmon: Conmon) -> None:
    slow, quick = streams.attach("c"), streams.attach("c")
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    reading = asyncio.ensure_future(all_of(quick))
    piece, pieces = b"x" * 8000, 4 * QUEUE_BYTES // 8000
    saying = asyncio.ensure_future(_say_often(conmon, piece, pieces))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(saying)
    slow.leave()
    await saying
    conmon.end()
    assert len(await reading) == len(piece) * pieces


async def _say_often(conmon: Conmon, piece: bytes, times: int) -> None:
    for _ in range(times):
        await conmon.say(piece)


async def test_a_slow_client_of_the_last_run_reads_on_beside_the_next(
    streams: Streams, conmon: Conmon, tmp_path: Path
) -> None:
    slow = streams.attach("c")
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    await conmon.say(b"first run")
    streams.retire("c")
    following = Conmon(tmp_path / "next")
    waiting = streams.attach("c")
    streams.begin("c", await AttachChannel.connect(following.run_dir))
    await following.say(b"second run")
    conmon.end()
    following.end()
    assert await all_of(slow) == b"first run"
    assert await all_of(waiting) == b"second run"
    following.close()


async def test_after_the_output_there_is_no_more(streams: Streams, conmon: Conmon) -> None:
    first = streams.attach("c")
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    conmon.end()
    assert await all_of(first) == b""
    await asyncio.sleep(0)
    assert await streams.attach("c", is_running=True).recv() == ()


async def test_a_start_that_failed_ends_those_who_waited(streams: Streams) -> None:
    client = streams.attach("c")
    streams.abandon("c")
    assert await client.recv() == ()
    streams.abandon("unknown")


async def test_clients_that_waited_in_vain_leave_nothing(streams: Streams, conmon: Conmon) -> None:
    streams.attach("c").leave()
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    late = streams.attach("c", is_running=True)
    await conmon.say(b"here")
    conmon.end()
    assert await all_of(late) == b"here"


async def test_input_after_the_end_is_dropped(streams: Streams, conmon: Conmon) -> None:
    client = streams.attach("c")
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    conmon.end()
    await all_of(client)
    await client.send(b"too late")
    client.close_stdin()


async def test_the_end_frees_who_sends_to_a_process_that_does_not_read(streams: Streams, conmon: Conmon) -> None:
    client = streams.attach("c")
    streams.begin("c", await AttachChannel.connect(conmon.run_dir))
    sending = asyncio.ensure_future(client.send(b"x" * 10_000_000))
    await conmon.say(b"last words")
    assert (await client.recv())[0].data == b"last words"
    assert not sending.done()
    conmon.end()
    async with asyncio.timeout(5):
        assert await all_of(client) == b""
        await sending
