"""One client's connection: aiohttp's HTTP protocol, which gives its transport away where a request hijacks it.

What a client sends behind the head of a hijacking request belongs to the stream, not to HTTP: a parser would take
it for the next request. So such a request is fed to the parser alone, and what follows is held until its handler
has decided: `take_over` gives it to the successor; an ordinary reply gives it back to HTTP.
"""

import asyncio
import re
from enum import Enum, auto

from aiohttp import HttpVersion11, StreamReader, web
from aiohttp.web_protocol import RequestHandler

from seaway.api.peer import call_when_gone, is_gone, is_unix
from seaway.api.protocol import BodyCutOff, refuse_unparsed

HEAD_LIMIT = 1 << 20
HELD_LIMIT = 1 << 16
HEAD_TIMEOUT_S = 300.0  # Go's ReadHeaderTimeout in dockerd

_HIJACKING = re.compile(rb"POST (?:/v[0-9.]+)?/(?:containers/[^ ?]+/attach|exec/[^ ?]+/start|session|grpc)[ ?]")
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,18})[ \t]*\r\n", re.IGNORECASE)


class _Stage(Enum):
    PASSING = auto()
    COLLECTING = auto()
    HOLDING = auto()


class Connection(RequestHandler):
    __slots__ = ("_head", "_head_timer", "_held", "_input_ended", "_stage", "body_of_current")

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]
        self._stage = _Stage.PASSING
        self._head, self._held, self._input_ended = b"", bytearray(), False
        self.body_of_current: StreamReader | None = None
        self._head_timer: asyncio.TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        self._receive(data)
        if self._stage is _Stage.COLLECTING or (self._stage is _Stage.PASSING and self._is_between_requests()):
            if self._head_timer is None:
                self._head_timer = asyncio.get_running_loop().call_later(HEAD_TIMEOUT_S, self.force_close)
        else:
            self._stop_timer()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._stop_timer()
        super().connection_lost(exc)

    def _stop_timer(self) -> None:
        if self._head_timer:
            self._head_timer.cancel()
            self._head_timer = None

    def _receive(self, data: bytes) -> None:
        if self._stage is _Stage.HOLDING:
            self._hold(data)
            return
        if self._stage is _Stage.PASSING and data and self._is_between_requests():
            self._stage = _Stage.COLLECTING
        if self._stage is _Stage.COLLECTING:
            self._collect(self._head + data)
        else:
            super().data_received(data)

    def _is_between_requests(self) -> bool:
        waiting = self._waiter is not None and not self._waiter.done()
        return (waiting or self._request_count == 0) and not self._messages

    def _collect(self, head: bytes) -> None:
        """Wait for all of a hijacking request; let anything else pass."""
        self._head = head
        if not _may_hijack(head):
            self._pass(head)
        elif (end := _request_end(head)) is not None and len(head) >= end:
            self._pass(head[:end])
            self._stage = _Stage.HOLDING
            self._hold(head[end:])

    def _pass(self, data: bytes) -> None:
        self._head, self._stage = b"", _Stage.PASSING
        super().data_received(data)

    def _hold(self, data: bytes) -> None:
        self._held += data
        if len(self._held) >= HELD_LIMIT and self.transport is not None:
            self.transport.pause_reading()

    def eof_received(self) -> bool:  # type: ignore[override]
        """True keeps the transport: a client that has nothing more to say may still have much to read."""
        self._input_ended = True
        if self._stage is _Stage.HOLDING:
            return True
        if self.transport is None or self._is_between_requests() or not is_unix(self.transport):
            return False
        if is_gone(self.transport):
            return False
        self._cut_off_body()
        call_when_gone(self.transport, self.transport.abort)
        return True

    def _cut_off_body(self) -> None:
        """A handler that waits for more of the body hears that none will come."""
        for payload in (self.body_of_current, *(payload for _, payload in self._messages)):
            if payload and not payload.is_eof():
                payload.set_exception(BodyCutOff("unexpected EOF"))
                self._lingering_time = 0.0

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        result = await super().finish_response(request, resp, start_time)
        if self._stage is _Stage.HOLDING and self.transport is not None:
            self._give_back()
        if self._input_ended and not self._messages:
            self.close()
        return result

    def _give_back(self) -> None:
        assert self.transport is not None
        held, self._held, self._stage = bytes(self._held), bytearray(), _Stage.PASSING
        self.transport.resume_reading()
        if held:
            super().data_received(held)

    def take_over(self, successor: asyncio.Protocol) -> tuple[asyncio.Transport, bytes, bool]:
        """The transport now reports to `successor`. Returns what the client had sent already, and whether it had
        ended its side. HTTP is over on this connection."""
        if (transport := self.transport) is None:
            raise ConnectionResetError("the client is gone")
        self.transport = None
        transport.set_protocol(successor)
        return transport, bytes(self._held), self._input_ended

    def retire(self) -> None:
        """After `take_over`: the stream has ended, its handler has not."""
        self._task_handler = None
        super().connection_lost(None)

    def abandon(self) -> None:
        """After `take_over`: the client is gone, and its handler is cancelled."""
        super().connection_lost(None)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is not HTTP: Go's words, and the end of the connection."""
        if isinstance(exc, ConnectionError):
            raise exc  # the client is gone, or its reply failed midway: no reply, and no error of ours
        if status >= 500:
            return super().handle_error(request, status, exc, message)
        request._version = HttpVersion11  # of a request that was not understood, aiohttp says 1.0
        return refuse_unparsed(status, exc)


def _may_hijack(head: bytes) -> bool:
    line, newline, _ = head.partition(b"\n")
    if len(head) > HEAD_LIMIT or not b"POST ".startswith(head[:5]):
        return False
    return not newline or _HIJACKING.match(line) is not None


def _request_end(head: bytes) -> int | None:
    """Where the request's body ends, or None while its head is incomplete."""
    end = head.find(b"\r\n\r\n")
    if end < 0:
        return None
    found = _LENGTH.search(head, 0, end + 2)
    return end + 4 + (int(found[1]) if found else 0)
