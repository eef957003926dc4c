"""A WebSocket as a client's end of an attachment: messages in, messages out, a close is the end."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import WSMsgType, web

from seaway.base.errors import InvalidParameter


def check_handshake(request: web.BaseRequest) -> None:
    """Raises InvalidParameter where the request is no WebSocket's."""
    headers = request.headers
    upgrades = {token.strip().lower() for token in headers.get("Connection", "").split(",")}
    if headers.get("Upgrade", "").lower() != "websocket" or "upgrade" not in upgrades:
        raise InvalidParameter("not websocket protocol")
    if headers.get("Sec-WebSocket-Version") != "13":
        raise InvalidParameter("missing or bad WebSocket Version")
    if not headers.get("Sec-WebSocket-Key"):
        raise InvalidParameter("mismatch challenge/response")


class WebSocketPeer:
    def __init__(self, *, binary: bool) -> None:
        self.response = web.WebSocketResponse(max_msg_size=0, compress=False)
        self._opcode = WSMsgType.BINARY if binary else WSMsgType.TEXT

    @asynccontextmanager
    async def opened(self, request: web.BaseRequest) -> AsyncIterator[None]:
        await self.response.prepare(request)
        try:
            yield
        finally:
            await self.response.close()

    async def read(self) -> bytes:
        while True:
            message = await self.response.receive()
            match message.type:
                case WSMsgType.TEXT if message.data:
                    return bytes(message.data.encode())
                case WSMsgType.BINARY if message.data:
                    return bytes(message.data)
                case WSMsgType.CLOSE | WSMsgType.CLOSING | WSMsgType.CLOSED | WSMsgType.ERROR:
                    return b""

    async def write(self, data: bytes) -> None:
        """A text frame takes any bytes too: dockerd sends what the container wrote."""
        await self.response.send_frame(data, self._opcode)
