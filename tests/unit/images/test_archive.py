import gzip
import io
import json
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from seaway.images.catalog import Catalog, open_catalog
from seaway.images.importing import UnsupportedPlatform, import_image, plan_import
from seaway.images.load import CannotLoad, load_images
from seaway.images.save import plan_save, save_images
from seaway.images.spool import BadArchive
from seaway.images.store import NoSuchImage
from seaway.oci.digest import sha256_of
from seaway.oci.platform import Platform
from seaway.oci.reference import parse_reference

from .conftest import MemoryLayers, document
from .test_store import layer


async def stream(data: bytes, step: int = 1000) -> AsyncIterator[bytes]:
    for position in range(0, len(data), step):
        yield data[position : position + step]


def tar(members: dict[str, bytes | str]) -> bytes:
    """Text makes a symbolic link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            if isinstance(content, str):
                info.type, info.linkname = tarfile.SYMTYPE, content
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


def docker_archive(*tags: str, layer: bytes = b"layer", link: bool = False, **changes: Any) -> bytes:
    config = document(rootfs={"type": "layers", "diff_ids": [sha256_of(b"layer")]}, **changes)
    manifest = [{"Config": "c.json", "RepoTags": list(tags) or None, "Layers": ["x/layer.tar"]}]
    placed: dict[str, bytes | str] = (
        {"x/layer.tar": "../y/layer.tar", "y/layer.tar": layer} if link else {"x/layer.tar": layer}
    )
    return tar({"c.json": config, **placed, "manifest.json": json.dumps(manifest).encode()})


@pytest.fixture
def said() -> list[dict[str, Any]]:
    return []


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstd.compress])
@pytest.mark.parametrize("link", [False, True])
async def test_load(catalog: Catalog, tmp_path: Path, said: list[Any], pack: Any, link: bool) -> None:
    data = pack(docker_archive("busybox:1", "busybox:2", link=link))
    [image] = await load_images(catalog, stream(data), tmp_path, said.append, quiet=False)
    assert catalog.resolve("busybox:2").id == image.id
    assert said[0]["status"] == "Loading layer"
    assert said[0]["id"] == sha256_of(b"layer").short
    assert said[0]["progress"] == "[" + "=" * 50 + ">]       5B/5B"
    assert said[1:] == [{"stream": "Loaded image: busybox:1\n"}, {"stream": "Loaded image: busybox:2\n"}]


async def test_load_without_names(catalog: Catalog, tmp_path: Path, said: list[Any], events: list[Any]) -> None:
    [image] = await load_images(catalog, stream(docker_archive()), tmp_path, said.append)
    assert said == [{"stream": f"Loaded image ID: {image.id}\n"}]
    assert events == [("load", image.id, {"name": image.id})]


async def test_load_takes_a_name_over(catalog: Catalog, tmp_path: Path, said: list[Any]) -> None:
    old = await catalog.images.create(document())
    await catalog.tag(old, parse_reference("a:1"))
    await load_images(catalog, stream(docker_archive("a:1")), tmp_path, said.append)
    assert said[0] == {
        "stream": f"The image a:1 already exists, renaming the old one with ID {old.id} to empty string\n"
    }


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"hi\n", "^unexpected EOF$"),
        (b"x" * 5000, "^archive/tar: invalid tar header$"),
        (docker_archive("a:1")[:1000], "^unexpected EOF$"),
        (tar({"f": b""}), "manifest.json: no such file or directory$"),
        (tar({"manifest.json": b"{"}), "^invalid manifest.json: "),
        (
            tar({"manifest.json": b'[{"Config":"../../etc/passwd"}]'}),
            "^open ../../etc/passwd: no such file or directory$",
        ),
        (docker_archive("a"), '^invalid tag "a"$'),
        (tar({"manifest.json": "a", "a": "manifest.json"}), "manifest.json: no such file"),
    ],
)
async def test_archives_that_are_refused(catalog: Catalog, tmp_path: Path, data: bytes, text: str) -> None:
    with pytest.raises(BadArchive, match=text):
        await load_images(catalog, stream(data), tmp_path, print)
    assert catalog.images.all() == []


async def test_layers_must_match(catalog: Catalog, tmp_path: Path, layers: MemoryLayers) -> None:
    text = f'^invalid diffID for layer 0: expected "{sha256_of(b"layer")}", got "{sha256_of(b"other")}"$'
    with pytest.raises(CannotLoad, match=text):
        await load_images(catalog, stream(docker_archive(layer=b"other")), tmp_path, print)
    with pytest.raises(CannotLoad, match="^cannot load plan9 image on linux$"):
        await load_images(catalog, stream(docker_archive(os="plan9")), tmp_path, print)


async def saved(catalog: Catalog, names: list[str], tmp_path: Path) -> bytes:
    return b"".join([chunk async for chunk in save_images(catalog, plan_save(catalog, names), tmp_path)])


async def test_what_is_saved_can_be_loaded(catalog: Catalog, layers: MemoryLayers, tmp_path: Path) -> None:
    await layer(layers, b"one")
    await layer(layers, b"two" * 1000)
    image = await catalog.images.create(document(layers))
    for name in ("busybox:1", "busybox:2", "other:1"):
        await catalog.tag(image, parse_reference(name))
    data = await saved(catalog, ["busybox"], tmp_path)
    assert data == await saved(catalog, ["busybox"], tmp_path)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = archive.getnames()
    assert {"blobs/sha256", f"blobs/sha256/{image.id.hex}", "index.json", "manifest.json", "oci-layout"} <= set(members)
    for form in ("manifest.json", "index.json"):
        only = _without(data, "index.json" if form == "manifest.json" else "manifest.json")
        again = open_catalog(tmp_path / form, MemoryLayers(), lambda *event: None)
        [loaded] = await load_images(again, stream(only), tmp_path, print)
        assert loaded.id == image.id
        assert [r.familiar for r in again.references.references(image.id)] == ["busybox:1", "busybox:2"]


def _without(data: bytes, name: str) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return tar({m.name: archive.extractfile(m).read() for m in archive if m.isfile() and m.name != name})  # type: ignore[union-attr]


async def test_save_by_id_has_no_name(catalog: Catalog, tmp_path: Path) -> None:
    image = await catalog.images.create(document())
    await catalog.tag(image, parse_reference("a"))
    [entry] = plan_save(catalog, [image.id, image.id.short])
    assert entry.names == []
    with pytest.raises(NoSuchImage):
        plan_save(catalog, ["a", "nosuch"])


def test_an_import_for_another_system_is_refused() -> None:
    with pytest.raises(UnsupportedPlatform, match="^operating system is not supported$"):
        plan_import([], platform=Platform("windows", "amd64"))


async def test_import(catalog: Catalog, said: list[Any], events: list[Any]) -> None:
    request = plan_import(["CMD top", "ENV A=b"], parse_reference("mine"), "by hand")
    image = await import_image(catalog, request, stream(b"a tar"), said.append)
    assert said == [{"status": image.id}]
    assert (image.config.cmd, image.config.env, image.comment) == (["/bin/sh", "-c", "top"], ["A=b"], "by hand")
    assert catalog.resolve("mine").diff_ids == (sha256_of(b"a tar"),)
    assert [event[0] for event in events] == ["tag", "import"]
    plain = await import_image(catalog, plan_import([]), stream(b"a tar"), said.append)
    assert plain.comment == "Imported from -"
