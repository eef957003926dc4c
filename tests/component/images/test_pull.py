"""An image goes out through `save` and skopeo into a real registry, and comes back by a pull."""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from seaway.base.errors import NotFound
from seaway.content.blobs import BlobStore
from seaway.distribution.endpoints import RegistryConfig
from seaway.distribution.fetch import Downloads
from seaway.distribution.metadata import BlobMetadata
from seaway.images.catalog import Catalog, open_catalog
from seaway.images.importing import import_image, plan_import
from seaway.images.pull import Puller
from seaway.images.remove import remove_image
from seaway.images.save import plan_save, save_images
from seaway.kernel.process import run
from seaway.layers.overlay2 import Overlay2
from seaway.layers.store import LayerStore
from seaway.oci.reference import parse_reference
from suites.tars import make_tar, member

pytestmark = pytest.mark.skipif(
    not (shutil.which("docker-registry") and shutil.which("skopeo")), reason="needs docker-registry and skopeo"
)
Events = list[tuple[str, str, str]]


@pytest.fixture
async def registry(tmp_path: Path) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        host = f"127.0.0.1:{free.getsockname()[1]}"
    storage = {"filesystem": {"rootdirectory": str(tmp_path / "registry")}}
    document = {"version": 0.1, "storage": storage, "http": {"addr": host}, "log": {"level": "error"}}
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
    yield host
    server.terminate()
    await server.wait()


@pytest.fixture
def events() -> Events:
    return []


@pytest.fixture
async def catalog(tmp_path: Path, events: Events) -> AsyncIterator[Catalog]:
    driver = Overlay2(tmp_path / "overlay2")
    layers = LayerStore(tmp_path / "image/overlay2", driver)
    yield open_catalog(
        tmp_path / "image/overlay2",
        layers,
        lambda kind, action, actor, attributes: events.append((action, actor, attributes["name"])),
    )
    await driver.close()


async def stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def publish(catalog: Catalog, content: bytes, target: str, tmp_path: Path) -> str:
    """A new image -> its ID; afterwards it is in the registry only."""
    tar = make_tar(member("f", data=content))
    image = await import_image(catalog, plan_import([], parse_reference("made:1")), stream(tar), lambda line: None)
    path = tmp_path / "made.tar"
    path.write_bytes(b"".join([c async for c in save_images(catalog, plan_save(catalog, ["made:1"]), tmp_path)]))
    await run(
        [
            "skopeo",
            "copy",
            "--insecure-policy",
            "--dest-tls-verify=false",
            f"docker-archive:{path}",
            f"docker://{target}",
        ]
    )
    await remove_image(catalog, lambda _: [], "made:1")
    return image.id


async def test_pull(catalog: Catalog, registry: str, tmp_path: Path, events: Events) -> None:
    name = f"{registry}/a/b"
    image_id = await publish(catalog, b"one", f"{name}:1", tmp_path)
    puller = Puller(
        catalog,
        lambda: RegistryConfig(retry_delay_s=0),
        Downloads(BlobStore(tmp_path / "content")),
        BlobMetadata(tmp_path / "distribution"),
    )
    said: list[dict[str, Any]] = []
    events.clear()
    image = await puller.pull(parse_reference(f"{name}:1"), said.append)
    assert image.id == image_id
    assert said[0] == {"status": "Pulling from a/b", "id": "1"}
    assert said[1]["status"] == "Pulling fs layer"
    assert said[1]["progressDetail"] == {}
    assert said[-2]["status"].startswith("Digest: sha256:")
    assert said[-1] == {"status": f"Status: Downloaded newer image for {name}:1"}
    assert events == [("pull", f"{name}:1", name)]
    tag, digest = [r.familiar for r in catalog.references.references(image.id)]
    assert (tag, digest) == (f"{name}:1", f"{name}@{said[-2]['status'].removeprefix('Digest: ')}")

    await puller.pull(parse_reference(f"{name}:1"), said.append)
    assert said[-1] == {"status": f"Status: Image is up to date for {name}:1"}
    await remove_image(catalog, lambda _: [], f"{name}:1")
    assert (await puller.pull(parse_reference(digest), said.append)).id == image_id
    assert [r.familiar for r in catalog.references.references(image.id)] == [digest]


async def test_all_tags(catalog: Catalog, registry: str, tmp_path: Path) -> None:
    name = f"{registry}/a"
    ids = {await publish(catalog, str(tag).encode(), f"{name}:{tag}", tmp_path) for tag in (1, 2)}
    puller = Puller(
        catalog,
        lambda: RegistryConfig(retry_delay_s=0),
        Downloads(BlobStore(tmp_path / "content")),
        BlobMetadata(tmp_path / "distribution"),
    )
    said: list[dict[str, Any]] = []
    await puller.pull_all_tags(parse_reference(name), said.append)
    assert {image.id for image in catalog.images.all()} == ids
    assert said[-1] == {"status": f"Status: Downloaded newer image for {name}"}


async def test_what_is_not_there(catalog: Catalog, registry: str, tmp_path: Path) -> None:
    puller = Puller(
        catalog,
        lambda: RegistryConfig(retry_delay_s=0),
        Downloads(BlobStore(tmp_path / "content")),
        BlobMetadata(tmp_path / "distribution"),
    )
    with pytest.raises(NotFound, match="manifest unknown"):
        await puller.pull(parse_reference(f"{registry}/nosuch:1"), lambda line: None)
    assert catalog.images.all() == []
