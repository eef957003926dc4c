"""One HTTP request as the server has it: the engine's headers go on its reply, and its body can be given back."""

from aiohttp import StreamReader, web

from seaway.api.respond import EmptyResponse

# docker build sends its options, build arguments included, in the query; a registry config is a header.
LINE_LIMIT = 1 << 20


class HttpRequest(web.BaseRequest):
    """Adds the engine's headers to its reply just before that leaves, whoever made it."""

    engine_headers: dict[str, str] | None = None
    replied = False

    async def _prepare_hook(self, response: web.StreamResponse) -> None:
        self.replied = True
        if isinstance(response, EmptyResponse):
            response.headers.pop("Content-Type", None)
        if self.engine_headers is None:
            response.headers.pop("Server", None)
            return
        response.headers.update(self.engine_headers)

    @property
    def content(self) -> StreamReader:
        """Not kept, as aiohttp does: a body may come back."""
        return self._payload

    def give_back(self, body: bytes) -> None:
        """Who read all of the body leaves it to the next one who asks."""
        self._payload = StreamReader(self.protocol, LINE_LIMIT)
        self._payload.feed_data(body)
        self._payload.feed_eof()

    @property
    def raw_target(self) -> str:
        """The path and the query as they came."""
        return self._message.path
