"""A push to a registry that fails, is busy, or forgets tokens: our own server, real sockets."""

import asyncio
import gzip
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from seaway.content.compression import Compressed
from seaway.distribution.client import Repository
from seaway.distribution.endpoints import Endpoint, RegistryConfig
from seaway.distribution.layerpush import LocalLayer, Target
from seaway.distribution.metadata import BlobMetadata
from seaway.distribution.progress import Progress
from seaway.distribution.push import Pushed, Pusher
from seaway.distribution.transport import transport
from seaway.oci.digest import Digest, sha256_of

CONFIG = RegistryConfig(retry_delay_s=0, certs_dir=Path("/nonexistent"))
IMAGE = b'{"os":"linux"}'
TARS = [b"base " * 100_000, b"top " * 100_000]


class Registry:
    """Keeps blobs and manifests in memory. `fails` are states to answer with, by method, before it does its work."""

    def __init__(self) -> None:
        self.host = ""
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.fails: dict[str, list[int]] = {}
        self.asked: list[str] = []
        self.go_on = asyncio.Event()
        self.go_on.set()

    def routes(self) -> web.Application:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/v2/", self.ping)
        app.router.add_route("*", "/v2/app/blobs/uploads/{id:.*}", self.upload)
        app.router.add_route("*", "/v2/app/blobs/{digest}", self.blob)
        app.router.add_route("*", "/v2/app/manifests/{tag}", self.manifest)
        return app

    def failure(self, request: web.Request) -> web.Response | None:
        self.asked.append(f"{request.method} {request.path}")
        if not self.fails.get(request.method):
            return None
        return web.Response(status=self.fails[request.method].pop(), headers={"Retry-After": "0"})

    async def ping(self, request: web.Request) -> web.Response:
        return web.json_response({})

    async def blob(self, request: web.Request) -> web.Response:
        data = self.blobs.get(request.match_info["digest"])
        return self.failure(request) or (web.Response(status=404) if data is None else web.Response(body=data))

    async def upload(self, request: web.Request) -> web.Response:
        if failure := self.failure(request):
            return failure
        name = request.match_info["id"] or str(len(self.uploads))
        if request.method == "POST":
            self.uploads[name] = bytearray()
        if request.method == "PATCH":
            await self.go_on.wait()
        self.uploads[name] += await request.read()
        if request.method == "PUT":
            assert sha256_of(bytes(self.uploads[name])) == request.query["digest"]
            self.blobs[request.query["digest"]] = bytes(self.uploads[name])
            return web.Response(status=201)
        return web.Response(status=202, headers={"Location": f"/v2/app/blobs/uploads/{name}"})

    async def manifest(self, request: web.Request) -> web.Response:
        if failure := self.failure(request):
            return failure
        self.manifests[request.match_info["tag"]] = await request.read()
        return web.Response(status=201)


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    registry = Registry()
    runner = web.AppRunner(registry.routes(), shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    registry.host = "127.0.0.1:" + str(runner.addresses[0][1])
    try:
        yield registry
    finally:
        registry.go_on.set()
        await runner.cleanup()


@pytest.fixture
def pusher(tmp_path: Path) -> Pusher:
    return Pusher(BlobMetadata(tmp_path))


def layer(tar: bytes) -> LocalLayer:
    async def gzipped() -> AsyncGenerator[Compressed, None]:
        yield Compressed(gzip.compress(tar, 1, mtime=0), len(tar))

    return LocalLayer(Digest(sha256_of(tar)), len(tar), gzipped)


async def push(registry: Registry, pusher: Pusher, tag: str = "1") -> tuple[Pushed, list[Progress]]:
    events: list[Progress] = []
    async with transport(CONFIG) as http:
        repository = Repository(http, Endpoint(f"http://{registry.host}", registry.host), "app", None, "pull,push")
        await repository.connect()
        target = Target(repository, f"{registry.host}/app", b"", CONFIG)
        pushed = await pusher.push(target, tag, IMAGE, [layer(tar) for tar in TARS], events.append)
    manifest = json.loads(registry.manifests[tag])
    assert [gzip.decompress(registry.blobs[described["digest"]]) for described in manifest["layers"]] == TARS
    assert registry.blobs[manifest["config"]["digest"]] == IMAGE
    return pushed, events


@pytest.mark.parametrize(
    "fails",
    [
        {"PATCH": [503]},
        {"PATCH": [500, 429, 500]},
        {"POST": [503]},
        {"HEAD": [502]},
        {"PUT": [429]},
        {"PUT": [503, 500]},
    ],
    ids=str,
)
async def test_what_fails_is_tried_again(registry: Registry, pusher: Pusher, fails: dict[str, list[int]]) -> None:
    registry.fails = fails
    await push(registry, pusher)
    assert not any(fails.values())


async def test_a_second_push_uploads_nothing(registry: Registry, pusher: Pusher) -> None:
    await push(registry, pusher)
    registry.asked.clear()
    _, events = await push(registry, pusher, "2")
    assert {line.split()[0] for line in registry.asked} == {"HEAD", "PUT"}
    assert [line for line in registry.asked if line.startswith("PUT")] == ["PUT /v2/app/manifests/2"]
    assert [e.status for e in events if e.status == "Layer already exists"] == ["Layer already exists"] * 2


async def test_two_pushes_at_once_send_a_layer_once(registry: Registry, pusher: Pusher) -> None:
    registry.go_on.clear()
    tasks = [asyncio.create_task(push(registry, pusher, tag)) for tag in ("1", "2")]
    while sum(line.startswith("PATCH") for line in registry.asked) < len(TARS):
        await asyncio.sleep(0)
    registry.go_on.set()
    (one, _), (two, events) = await asyncio.gather(*tasks)
    assert one == two
    assert sum(line.startswith("PATCH") for line in registry.asked) == len(TARS)
    assert [e.status for e in events].count("Pushed") == len(TARS)


async def test_no_more_uploads_at_once_than_there_are_slots(registry: Registry, tmp_path: Path) -> None:
    registry.go_on.clear()
    pusher = Pusher(BlobMetadata(tmp_path), slots=1)
    task = asyncio.create_task(push(registry, pusher))
    await asyncio.sleep(0.3)
    under_way = [line for line in registry.asked if line.startswith("PATCH")]
    registry.go_on.set()
    await task
    assert len(under_way) == 1
    assert sum(line.startswith("PATCH") for line in registry.asked) == len(TARS)
