from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import RegistryUnreachable
from seaway.images.download import DownloadRefused, download


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    async def tar(request: web.Request) -> web.Response:
        return web.Response(body=b"tar")

    app = web.Application()
    app.router.add_get("/fs.tar", tar)
    async with TestServer(app) as server:
        yield server


async def test_it_tells_how_far_it_is(server: TestServer) -> None:
    said: list[dict[str, Any]] = []
    url = str(server.make_url("/fs.tar"))
    assert [chunk async for chunk in download(url, said.append, RegistryConfig(user_agent="test"))] == [b"tar"]
    assert said[0] == {"status": f"Downloading from {url}"}
    assert said[1]["progressDetail"] == {"current": 3, "total": 3}


async def test_a_refusal_is_told(server: TestServer) -> None:
    url = str(server.make_url("/nosuch"))
    with pytest.raises(DownloadRefused, match=f"^failed to GET {url} with status 404 Not Found: 404: Not Found$"):
        _ = [chunk async for chunk in download(url, print, RegistryConfig(user_agent="test"))]


async def test_nobody_listens(unused_tcp_port: int) -> None:
    with pytest.raises(RegistryUnreachable, match="connection refused"):
        _ = [
            chunk async for chunk in download(f"127.0.0.1:{unused_tcp_port}", print, RegistryConfig(user_agent="test"))
        ]
