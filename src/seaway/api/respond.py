"""Answers: one JSON value, nothing, or a stream of JSON values."""

from typing import Any

from aiohttp import web

from seaway.base import gojson

JSON = "application/json"


def json_response(value: Any, status: int = 200) -> web.Response:
    """The body ends with a newline, as Go's encoder writes it."""
    return encoded_response(gojson.encode(value), status)


def encoded_response(value: bytes, status: int = 200) -> web.Response:
    return web.Response(status=status, body=value + b"\n", headers={"Content-Type": JSON})


class EmptyResponse(web.Response):
    """No body, and so no Content-Type either: the server takes aiohttp's default away."""


def empty_response(status: int = 204) -> web.Response:
    return EmptyResponse(status=status)


class JsonStream:
    """JSON values one after the other, each sent at once; `terminator` is CRLF for progress, LF for events.

    The headers leave with `start()` or with the first value. A failure before that is an ordinary error reply.
    """

    def __init__(self, request: web.BaseRequest, terminator: bytes = b"\r\n", *, escape_html: bool = True) -> None:
        self._request, self._terminator, self._escape_html = request, terminator, escape_html
        self._response = web.StreamResponse(headers={"Content-Type": JSON})

    @property
    def started(self) -> bool:
        return self._response.prepared

    @property
    def response(self) -> web.StreamResponse:
        return self._response

    async def start(self) -> None:
        if not self._response.prepared:
            await self._response.prepare(self._request)

    async def send(self, value: Any) -> None:
        await self.start()
        await self._response.write(gojson.encode(value, escape_html=self._escape_html) + self._terminator)

    async def finish(self) -> web.StreamResponse:
        await self.start()
        await self._response.write_eof()
        return self._response
