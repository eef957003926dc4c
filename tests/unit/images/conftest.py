"""A catalogue in a directory of its own; layers are kept in memory."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from seaway.base.errors import NotFound
from seaway.images.catalog import Catalog, open_catalog
from seaway.layers.store import DiffIdMismatch
from seaway.layers.transfer import Diff, FilePart, TarSource
from seaway.oci.digest import Digest, sha256_of


@dataclass(frozen=True)
class MemoryLayer:
    diff_id: Digest
    chain_id: Digest
    size: int


@dataclass
class Driver:
    name: str = "memory"


@dataclass
class MemoryLayers:
    tars: dict[Digest, bytes] = field(default_factory=dict)
    layers: dict[Digest, MemoryLayer] = field(default_factory=dict)
    released: list[Digest] = field(default_factory=list)
    driver: Driver = field(default_factory=Driver)
    users: list[Callable[[], Iterable[Digest]]] = field(default_factory=list)

    def get(self, chain_id: Digest) -> MemoryLayer:
        if chain_id not in self.layers:
            raise NotFound("layer does not exist")
        return self.layers[chain_id]

    async def register(
        self,
        source: TarSource,
        parent: Digest | None,
        diff_id: Digest | None = None,
        below: asyncio.Event | None = None,
    ) -> MemoryLayer:
        if below:
            await below.wait()
        match source:
            case FilePart():
                data = source.path.read_bytes()[source.offset :][: source.size]
                if source.taken:
                    source.taken(len(data))
            case Diff():
                raise NotImplementedError  # the container's files: only a real store reads them
            case _:
                data = b"".join([chunk async for chunk in source])
        own = Digest("sha256:" + hashlib.sha256(data).hexdigest())
        chain = sha256_of(f"{parent} {own}".encode()) if parent else own
        if diff_id and diff_id != own:
            raise DiffIdMismatch(diff_id, own)
        self.tars[chain] = data
        self.layers[chain] = MemoryLayer(own, chain, len(data))
        return self.layers[chain]

    async def sync(self, chain_id: Digest) -> None:
        pass

    async def mark_going(self, chain_id: Digest) -> None:
        pass

    async def release(self, chain_id: Digest) -> None:
        self.released.append(chain_id)

    async def tar_stream(self, chain_id: Digest) -> AsyncIterator[bytes]:
        yield self.tars[chain_id]

    def image_graph_data(self, chain_id: Digest) -> dict[str, str]:
        return {"UpperDir": f"/{chain_id}"}

    def add_user(self, in_use: Callable[[], Iterable[Digest]]) -> None:
        self.users.append(in_use)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        yield


@pytest.fixture
def layers() -> MemoryLayers:
    return MemoryLayers()


@pytest.fixture
def events() -> list[tuple[str, str, dict[str, str]]]:
    return []


@pytest.fixture
def catalog(tmp_path: Path, layers: MemoryLayers, events: list[Any]) -> Catalog:
    def publish(kind: str, action: str, actor: str, attributes: Any) -> None:
        assert kind == "image"
        events.append((action, actor, dict(attributes)))

    return open_catalog(tmp_path / "image/overlay2", layers, publish)


def document(layers: MemoryLayers | None = None, **changes: Any) -> bytes:
    """An image's configuration with every layer of `layers` in it, base first."""
    diff_ids = [str(layer.diff_id) for layer in layers.layers.values()] if layers else []
    wire: dict[str, Any] = {
        "architecture": "amd64",
        "config": {"Cmd": ["/bin/sh"]},
        "created": "2024-05-01T10:00:00Z",
        "history": [{"created": "2024-05-01T10:00:00Z", "created_by": "ADD rootfs"} for _ in diff_ids],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    return json.dumps({**wire, **changes}).encode()
