"""Pulls from a real docker-registry, over plain HTTP."""

import asyncio
import gzip
import hashlib
import json
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from seaway.base.errors import EngineError
from seaway.content.blobs import BlobStore
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.errors import NoMatchingManifest, PullRefused, RegistryUnreachable, UnsupportedImage
from seaway.distribution.fetch import Downloads
from seaway.distribution.imageconfig import InvalidImage
from seaway.distribution.progress import Progress
from seaway.distribution.pull import list_tags, pull
from seaway.oci import mediatypes as m
from seaway.oci.digest import Digest, sha256_of
from seaway.oci.manifest import Descriptor
from seaway.oci.platform import Platform, host_platform
from seaway.oci.reference import Reference, parse_reference

pytestmark = pytest.mark.skipif(not shutil.which("docker-registry"), reason="needs docker-registry")

CONFIG = RegistryConfig(retry_delay_s=0, certs_dir=Path("/nonexistent"))
BASE, TOP = b"base " * 100_000, b"top " * 100_000
DIFF_IDS = [sha256_of(BASE), sha256_of(TOP)]


@dataclass
class Registry:
    host: str
    root: Path

    async def put(self, path: str, data: bytes, content_type: str = "application/octet-stream") -> Digest:
        async with aiohttp.ClientSession() as http:
            url = f"http://{self.host}/v2/{path}"
            if "/manifests/" not in path:
                async with http.post(f"{url}/blobs/uploads/") as answer:
                    url = answer.headers["Location"] + f"&digest={sha256_of(data)}"
            async with http.put(url, data=data, headers={"Content-Type": content_type}) as answer:
                assert answer.status == 201, await answer.text()
        return sha256_of(data)

    async def push(
        self,
        repository: str,
        tag: str,
        kind: str = m.DOCKER_MANIFEST,
        layers: tuple[bytes, ...] = (BASE, TOP),
        **config: object,
    ) -> Digest:
        """An image -> its manifest's digest."""
        diff_ids = [sha256_of(layer) for layer in layers]
        document = {"os": "linux", "rootfs": {"type": "layers", "diff_ids": diff_ids}, **config}
        data = json.dumps(document).encode()
        oci = kind == m.OCI_MANIFEST
        manifest = {
            "schemaVersion": 2,
            "mediaType": kind,
            "config": await self._blob(repository, data, m.OCI_CONFIG if oci else m.DOCKER_CONFIG),
            "layers": [
                await self._blob(repository, gzip.compress(layer, mtime=0), m.OCI_LAYER_GZIP if oci else m.DOCKER_LAYER)
                for layer in layers
            ],
        }
        return await self.put(f"{repository}/manifests/{tag}", json.dumps(manifest).encode(), kind)

    async def _blob(self, repository: str, data: bytes, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": await self.put(repository, data), "size": len(data)}

    def reference(self, text: str) -> Reference:
        return parse_reference(f"{self.host}/{text}")


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[Registry]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    root = tmp_path / "registry"
    settings = {"filesystem": {"rootdirectory": str(root)}}
    document = {"version": 0.1, "storage": settings, "http": {"addr": host}, "log": {"level": "error"}}
    (tmp_path / "config.yml").write_text(json.dumps(document))
    null = asyncio.subprocess.DEVNULL
    server = await asyncio.create_subprocess_exec(
        "docker-registry", "serve", str(tmp_path / "config.yml"), stdout=null, stderr=null
    )
    async with aiohttp.ClientSession() as http:
        for _ in range(500):
            try:
                async with http.get(f"http://{host}/v2/"):
                    break
            except aiohttp.ClientConnectionError:
                await asyncio.sleep(0.01)
    yield Registry(host, root)
    server.terminate()
    await server.wait()


@dataclass
class Sink:
    layers: dict[tuple[Digest, ...], bytes] = field(default_factory=dict)
    images: dict[Digest, bytes] = field(default_factory=dict)

    def has_image(self, image_id: Digest) -> bool:
        return image_id in self.images

    def check_depth(self, layers: int) -> None:
        pass

    def has_layer(self, diff_ids: Sequence[Digest]) -> bool:
        return tuple(diff_ids) in self.layers

    async def recognise(self, diff_id: Digest, layer: Descriptor) -> None:
        pass

    async def register(
        self,
        diff_ids: Sequence[Digest],
        layer: Descriptor,
        blob: Path,
        taken: Callable[[int], None],
        below: asyncio.Event | None,
    ) -> None:
        if below:
            await below.wait()
        data = gzip.decompress(blob.read_bytes())
        taken(blob.stat().st_size)
        assert f"sha256:{hashlib.sha256(data).hexdigest()}" == diff_ids[-1]
        self.layers[tuple(diff_ids)] = data

    async def create_image(self, config: bytes) -> None:
        self.images[sha256_of(config)] = config


@pytest.fixture
def downloads(tmp_path: Path) -> Downloads:
    return Downloads(BlobStore(tmp_path / "content"))


def statuses(events: list[Progress], short: str) -> list[str]:
    seen = [event.status for event in events if event.id == short]
    return [status for n, status in enumerate(seen) if n == 0 or seen[n - 1] != status]


@pytest.mark.parametrize("kind", [m.DOCKER_MANIFEST, m.OCI_MANIFEST])
async def test_pull_by_tag_then_again(registry: Registry, downloads: Downloads, kind: str, tmp_path: Path) -> None:
    digest = await registry.push("team/app", "latest", kind)
    sink, events = Sink(), list[Progress]()
    pulled = await pull(registry.reference("team/app"), None, sink, events.append, CONFIG, None, downloads)
    assert pulled.digest == digest
    assert list(sink.images) == [pulled.image_id]
    assert list(sink.layers.values()) == [BASE, TOP]
    assert events[0] == Progress("latest", "Pulling from team/app")
    assert events[-1] == Progress("", f"Digest: {digest}")
    for layer in (BASE, TOP):
        assert statuses(events, sha256_of(gzip.compress(layer, mtime=0)).short) == [
            "Pulling fs layer",
            "Downloading",
            "Verifying Checksum",
            "Download complete",
            "Extracting",
            "Pull complete",
        ]
    assert not [file for file in (tmp_path / "content").rglob("*") if file.is_file()]

    again = list[Progress]()
    assert await pull(registry.reference("team/app"), None, sink, again.append, CONFIG, None, downloads) == pulled
    assert again == [events[0], events[-1]]


async def test_pull_by_digest_keeps_the_layers_that_are_there(registry: Registry, downloads: Downloads) -> None:
    digest = await registry.push("app", "x")
    sink, events = Sink({(DIFF_IDS[0],): BASE}), list[Progress]()
    await pull(registry.reference(f"app@{digest}"), None, sink, events.append, CONFIG, None, downloads)
    assert statuses(events, sha256_of(gzip.compress(BASE, mtime=0)).short) == ["Already exists"]
    assert events[0] == Progress(f"{registry.host}/app@{digest}", "Pulling from app")
    assert len(sink.layers) == 2


@pytest.mark.parametrize("kinds", [(m.DOCKER_INDEX, m.DOCKER_MANIFEST), (m.OCI_INDEX, m.OCI_MANIFEST)])
async def test_index_chooses_the_platform(registry: Registry, downloads: Downloads, kinds: tuple[str, str]) -> None:
    here = host_platform().architecture
    entries = []
    for architecture in ("s390x", here):
        digest = await registry.push("app", architecture, kinds[1], architecture=architecture)
        size = len(json.dumps({}))
        platform = {"os": "linux", "architecture": architecture}
        entries.append({"mediaType": kinds[1], "digest": digest, "size": size, "platform": platform})
    document = json.dumps({"schemaVersion": 2, "mediaType": kinds[0], "manifests": entries}).encode()
    index = await registry.put("app/manifests/multi", document, kinds[0])
    for wanted, architecture in ((None, here), (Platform("linux", "s390x"), "s390x")):
        sink = Sink()
        pulled = await pull(registry.reference("app:multi"), wanted, sink, print, CONFIG, None, downloads)
        assert pulled.digest == index
        assert json.loads(sink.images[pulled.image_id])["architecture"] == architecture
    text = "^no matching manifest for linux/riscv64 in the manifest list entries$"
    with pytest.raises(NoMatchingManifest, match=text):
        await pull(
            registry.reference("app:multi"), Platform("linux", "riscv64"), Sink(), print, CONFIG, None, downloads
        )


async def test_what_is_not_there(registry: Registry, downloads: Downloads) -> None:
    with pytest.raises(PullRefused) as failure:
        await pull(registry.reference("no/app:x"), None, Sink(), print, CONFIG, None, downloads)
    wanted = f"manifest for {registry.host}/no/app:x not found: manifest unknown: manifest unknown"
    assert failure.value.message == wanted
    with pytest.raises(PullRefused, match="^repository 127.0.0.1:[0-9]+/no/app not found: name unknown: "):
        await list_tags(registry.reference("no/app"), CONFIG, None)


async def test_tags_are_listed(registry: Registry) -> None:
    await registry.push("app", "a")
    await registry.push("app", "b")
    assert set(await list_tags(registry.reference("app"), CONFIG, None)) == {"a", "b"}


async def test_nobody_listens(downloads: Downloads) -> None:
    with pytest.raises(RegistryUnreachable) as failure:
        await pull(parse_reference("localhost:1/app"), None, Sink(), print, CONFIG, None, downloads)
    assert failure.value.message == ('Get "http://localhost:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused')


async def test_a_plugin_is_no_image(registry: Registry, downloads: Downloads) -> None:
    config = await registry.put("plug", b"{}")
    descriptor = {"mediaType": m.DOCKER_PLUGIN_CONFIG, "digest": config, "size": 2}
    document = {"schemaVersion": 2, "mediaType": m.DOCKER_MANIFEST, "config": descriptor, "layers": []}
    await registry.put("plug/manifests/latest", json.dumps(document).encode(), m.DOCKER_MANIFEST)
    text = r'^Encountered remote "application/vnd.docker.plugin.v1\+json"\(plugin\) when fetching$'
    events = list[Progress]()
    with pytest.raises(UnsupportedImage, match=text):
        await pull(registry.reference("plug"), None, Sink(), events.append, CONFIG, None, downloads)
    assert events == []


async def test_config_and_manifest_must_agree(registry: Registry, downloads: Downloads) -> None:
    await registry.push("odd", "latest", rootfs={"type": "layers", "diff_ids": DIFF_IDS[:1]})
    with pytest.raises(InvalidImage, match="^layers from manifest don't match image configuration$"):
        await pull(registry.reference("odd"), None, Sink(), print, CONFIG, None, downloads)


async def test_an_image_of_another_system(registry: Registry, downloads: Downloads) -> None:
    await registry.push("win", "latest", os="windows")
    with pytest.raises(UnsupportedImage, match='^image operating system "windows" cannot be used on this platform$'):
        await pull(registry.reference("win"), None, Sink(), print, CONFIG, None, downloads)


async def test_a_repeated_layer_is_told_of_once(registry: Registry, downloads: Downloads) -> None:
    await registry.push("app", "latest", layers=(BASE, TOP, BASE))
    events, sink = list[Progress](), Sink()
    await pull(registry.reference("app"), None, sink, events.append, CONFIG, None, downloads)
    assert list(sink.layers.values()) == [BASE, TOP, BASE]
    assert [e.status for e in events].count("Pull complete") == 2


async def test_a_cancelled_pull_leaves_no_task_behind(registry: Registry, downloads: Downloads) -> None:
    await registry.push("app", "latest")
    started = asyncio.Event()

    def note(event: Progress) -> None:
        if event.status == "Downloading":
            started.set()

    work = asyncio.create_task(pull(registry.reference("app"), None, Sink(), note, CONFIG, None, downloads))
    await started.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert asyncio.all_tasks() == {asyncio.current_task()}
    sink = Sink()
    await pull(registry.reference("app"), None, sink, note, CONFIG, None, downloads)
    assert len(sink.layers) == 2


async def test_a_corrupt_layer_is_refused(registry: Registry, downloads: Downloads) -> None:
    await registry.push("bad", "latest")
    blob = gzip.compress(TOP, mtime=0)
    digest = sha256_of(blob)
    stored = next(registry.root.rglob(f"{digest.hex}/data"))
    stored.write_bytes(blob[:-1] + b"!")
    with pytest.raises(EngineError, match=f"^filesystem layer verification failed for digest {digest}$"):
        await pull(registry.reference("bad"), None, Sink(), print, CONFIG, None, downloads)


async def test_a_partial_download_is_resumed(registry: Registry, downloads: Downloads) -> None:
    await registry.push("app", "latest")
    blob = gzip.compress(TOP, mtime=0)
    async with downloads.blobs.ingest(sha256_of(blob)) as ingest:
        assert ingest
        await ingest.write(blob[:100])
    events, sink = list[Progress](), Sink()
    await pull(registry.reference("app"), None, sink, events.append, CONFIG, None, downloads)
    bars = [e.current for e in events if e.id == sha256_of(blob).short and e.status == "Downloading"]
    assert bars[0] > 100
    assert len(sink.layers) == 2


async def test_two_pulls_at_once_share_blobs(registry: Registry, downloads: Downloads, tmp_path: Path) -> None:
    await registry.push("app", "latest")
    sinks = [Sink(), Sink()]
    async with asyncio.TaskGroup() as group:
        for sink in sinks:
            group.create_task(pull(registry.reference("app"), None, sink, print, CONFIG, None, downloads))
    assert [len(sink.layers) for sink in sinks] == [2, 2]
    assert not [file for file in (tmp_path / "content").rglob("*") if file.is_file()]
