"""`docker import URL`: the tar behind a URL, told about as it comes."""

from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

from yarl import URL

from seaway.base.errors import InvalidParameter
from seaway.distribution.connection import told_as_go_does
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.progress import Meter, Progress
from seaway.distribution.transport import transport
from seaway.images.messages import Emit, status_line, transfer_line

CHUNK = 1 << 20
_EXCERPT = 1024


class DownloadRefused(InvalidParameter):
    pass


async def download(source: str, emit: Emit, config: RegistryConfig) -> AsyncGenerator[bytes, None]:
    """A source without a scheme is a host, asked over http. Raises DownloadRefused, RegistryUnreachable."""
    url = source if urlsplit(source).scheme else f"http://{source}"
    async with (
        transport(config) as http,
        told_as_go_does("get", url),
        http.request("GET", URL(url), True, {}) as answer,
    ):
        if answer.status >= 400:
            said = (await answer.content.read(_EXCERPT)).decode(errors="replace").strip()
            raise DownloadRefused(f"failed to GET {url} with status {answer.status} {answer.reason}: {said}")
        emit(status_line(f"Downloading from {url}"))
        meter = Meter(
            lambda event: emit(transfer_line(event)), Progress("", "Importing", total=answer.content_length or 0)
        )
        async for chunk in answer.content.iter_chunked(CHUNK):
            meter.add(len(chunk))
            yield chunk
