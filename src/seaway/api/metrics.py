"""`--metrics-addr`: `/metrics` on an address of its own, for Prometheus."""

import asyncio
from collections.abc import Callable

from aiohttp import web

from seaway.base.errors import SystemFailure
from seaway.base.metrics import CONTENT_TYPE


async def serve_metrics(address: str, text: Callable[[], str]) -> asyncio.Server:
    """Without TLS, as in dockerd. Raises SystemFailure where the address cannot be listened on."""

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path != "/metrics":
            return web.Response(status=404, text="404 page not found\n")
        return web.Response(body=text().encode(), headers={"Content-Type": CONTENT_TYPE})

    host, separator, port = address.rpartition(":")
    try:
        if not separator or not port.isdigit():
            raise OSError(f"address {address}: missing port in address")
        server = web.Server(answer, access_log=None)
        return await asyncio.get_running_loop().create_server(server, host.strip("[]") or None, int(port))
    except (OSError, OverflowError) as failure:
        raise SystemFailure(f"failed to start metrics server: listen tcp {address}: {failure}") from failure
