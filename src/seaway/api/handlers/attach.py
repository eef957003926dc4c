"""`POST /containers/{name}/attach` and its WebSocket form: the client's connection becomes the container's streams."""

import re

from aiohttp import web

from seaway.api.errors import log_failure
from seaway.api.hijack import hijack, refuse, stream_type, wants_upgrade
from seaway.api.request import Request
from seaway.api.respond import empty_response
from seaway.api.router import Route
from seaway.api.versions import Version
from seaway.api.websocket import WebSocketPeer, check_handshake
from seaway.base.errors import EngineError, InvalidParameter
from seaway.engine.attach import AttachRequest, attach_container, attachable
from seaway.engine.context import Engine
from seaway.engine.resize import resize_container


class AttachHandlers:
    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def routes(self) -> list[Route]:
        return [
            Route("POST", "/containers/{name}/attach", self.attach),
            Route("GET", "/containers/{name}/attach/ws", self.attach_websocket),
            Route("POST", "/containers/{name}/resize", self.resize),
        ]

    async def attach(self, request: Request) -> web.StreamResponse:
        wanted = parse_request(request)
        try:
            container, keys = attachable(self._engine, request["name"], wanted)
        except EngineError as failure:
            log_failure(failure, request.http.method, request.http.path)
            return await refuse(request.http, failure)
        content_type = stream_type(request.version, upgraded=wants_upgrade(request.http), tty=container.config.tty)
        try:
            async with hijack(request.http, content_type) as stream:
                await attach_container(self._engine, container, keys, wanted, stream, multiplexed=True)
        except ConnectionResetError:
            pass  # the client is gone; the container goes on
        return stream.response

    async def attach_websocket(self, request: Request) -> web.StreamResponse:
        """WebSockets have frames of their own: the output's streams come unmarked, as text before 1.28."""
        all_streams = request.version < Version(1, 42)
        wanted = parse_request(request, all_streams=all_streams)
        container, keys = attachable(self._engine, request["name"], wanted)
        check_handshake(request.http)
        peer = WebSocketPeer(binary=request.version >= Version(1, 28))
        try:
            async with peer.opened(request.http):
                await attach_container(self._engine, container, keys, wanted, peer, multiplexed=False)
        except ConnectionResetError:
            pass  # the client is gone; the container goes on
        return peer.response

    async def resize(self, request: Request) -> web.StreamResponse:
        height, width = parse_size(request)
        resize_container(self._engine, request["name"], height, width)
        return empty_response(200)


def parse_request(request: Request, *, all_streams: bool = False) -> AttachRequest:
    return AttachRequest(
        stdin=all_streams or request.flag("stdin"),
        stdout=all_streams or request.flag("stdout"),
        stderr=all_streams or request.flag("stderr"),
        logs=request.flag("logs"),
        stream=request.flag("stream"),
        detach_keys=request.text("detachKeys"),
    )


def parse_size(request: Request) -> tuple[int, int]:
    """(height, width) of a terminal."""
    return _cells(request, "h", "height"), _cells(request, "w", "width")


def _cells(request: Request, parameter: str, what: str) -> int:
    text = request.text(parameter)
    if not re.fullmatch(r"[+-]?[0-9]+", text, re.ASCII):
        raise InvalidParameter(f'invalid resize {what} "{text}": invalid syntax')
    digits = text.lstrip("+-").lstrip("0") or "0"
    if (text.startswith("-") and digits != "0") or len(digits) > 10 or int(digits) >= 1 << 32:
        raise InvalidParameter(f'invalid resize {what} "{text}": value out of range')
    return int(digits)
