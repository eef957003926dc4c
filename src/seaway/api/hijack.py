"""Attach and exec: the connection stops being HTTP and becomes two raw streams, each with an end of its own.

    async with hijack(request, content_type, headers) as stream:
        while data := await stream.read(): ...         # b"" when the client has ended its side
        await stream.write(output)                     # waits for a slow client
    return stream.response

A client that goes away cancels the handler. Bytes that it sent behind the request's head are read first.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from seaway.api.connection import Connection
from seaway.api.errors import status_of
from seaway.api.peer import call_when_gone, is_unix
from seaway.api.versions import Version
from seaway.base.errors import EngineError, InvalidParameter

RAW_STREAM = "application/vnd.docker.raw-stream"
MULTIPLEXED_STREAM = "application/vnd.docker.multiplexed-stream"

READ_LIMIT = 1 << 16
LINGER_S = 2.0
GRACE_S = 0.5


def wants_upgrade(request: web.BaseRequest) -> bool:
    return "Upgrade" in request.headers


def stream_type(version: Version, *, upgraded: bool, tty: bool) -> str:
    return MULTIPLEXED_STREAM if upgraded and not tty and version >= Version(1, 42) else RAW_STREAM


def stream_head(content_type: str, *, upgraded: bool, headers: Mapping[str, str]) -> bytes:
    """The reply's head: 101 for a client that asked for an upgrade, 200 for an old one."""
    lines = ["HTTP/1.1 101 UPGRADED" if upgraded else "HTTP/1.1 200 OK", f"Content-Type: {content_type}"]
    if upgraded:
        lines += ["Connection: Upgrade", "Upgrade: tcp"]
    lines += [f"{name}: {value}" for name, value in sorted(headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def refusal_head(status: int, message: str) -> bytes:
    """How attach says no: the stream's head with another status, and the text as the stream."""
    phrase = HTTPStatus(status).phrase
    return f"HTTP/1.1 {status} {phrase}\r\nContent-Type: {RAW_STREAM}\r\n\r\n{message}\r\n".encode()


class Hijacked(web.StreamResponse):
    """What a handler returns when there is no HTTP left to answer with."""

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        self.force_close()
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        return None


class HijackedStream(asyncio.Protocol):
    def __init__(self, connection: Connection) -> None:
        self.response = Hijacked()
        self._connection = connection
        self._received: deque[bytes] = deque()
        self._size = 0
        self._ended = self._lost = self._closing = self._gone = self._has_reader = False
        self._readable, self._writable = asyncio.Event(), asyncio.Event()
        self._writable.set()
        self._transport, early, self._ended = connection.take_over(self)
        self._store(early)
        if self._ended:
            self._end_of_input()
        self._transport.resume_reading()

    async def read(self) -> bytes:
        """What has come, at least one byte; b"" at the end of the client's side."""
        self._has_reader = True
        while not self._received and not self._ended:
            self._readable.clear()
            await self._readable.wait()
        if not self._received:
            self._release_if_gone()
            return b""
        data = b"".join(self._received)
        self._received.clear()
        self._size = 0
        if not self._ended:
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        """Raises ConnectionResetError once the client is gone."""
        if self._lost or self._closing:
            raise ConnectionResetError("the client is gone")
        self._transport.write(data)
        await self._writable.wait()

    def write_eof(self) -> None:
        """End our side; the client may still send."""
        if not (self._lost or self._closing) and self._transport.can_write_eof():
            self._transport.write_eof()

    def close(self) -> None:
        """Send what is left and our end, then wait a while for the client's end: closing with unread input would
        reset the connection, and the client would lose output that it has not read yet."""
        if self._closing or self._lost:
            return
        self.write_eof()
        self._closing = True
        self._connection.retire()
        if self._ended:
            self._transport.close()
            return
        self._received.clear()
        self._transport.resume_reading()
        asyncio.get_running_loop().call_later(LINGER_S, self._transport.close)

    def data_received(self, data: bytes) -> None:
        if not self._closing:
            self._store(data)

    def _store(self, data: bytes) -> None:
        if not data:
            return
        self._received.append(data)
        self._size += len(data)
        self._readable.set()
        if self._size >= READ_LIMIT:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._end_of_input()
        return True

    def _end_of_input(self) -> None:
        self._ended = True
        self._readable.set()
        if self._closing:
            self._transport.close()
        elif is_unix(self._transport):
            call_when_gone(self._transport, self._peer_gone)

    def _peer_gone(self) -> None:
        self._gone = True
        self._release_if_gone()

    def _release_if_gone(self) -> None:
        """Nobody will read the output. What the client sent before it left still goes where it should."""
        if self._gone and not (self._has_reader and self._received):
            asyncio.get_running_loop().call_later(GRACE_S, self._transport.abort)

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._ended = self._lost = True
        self._readable.set()
        self._writable.set()
        if not self._closing:
            self._connection.abandon()


async def refuse(request: web.BaseRequest, failure: EngineError) -> web.StreamResponse:
    """The answer of an attach that cannot begin (dockerd has taken the connection over by then)."""
    stream = _take_over(request)
    try:
        await stream.write(refusal_head(status_of(failure), failure.message))
    finally:
        stream.close()
    return stream.response


def _take_over(request: web.BaseRequest) -> HijackedStream:
    if not isinstance(connection := request.protocol, Connection):
        raise InvalidParameter("error attaching to container, hijack connection missing")
    return HijackedStream(connection)


@asynccontextmanager
async def hijack(
    request: web.BaseRequest, content_type: str, headers: Mapping[str, str] | None = None
) -> AsyncIterator[HijackedStream]:
    """Take the connection over and send the reply's head, with `headers` behind dockerd's own."""
    stream = _take_over(request)
    try:
        await stream.write(stream_head(content_type, upgraded=wants_upgrade(request), headers=headers or {}))
        yield stream
    finally:
        stream.close()
