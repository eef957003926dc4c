"""The read-only layers that the engine has, by chain ID; a container's own is in `seaway.layers.containers`.

Readers take no lock and see whole layers only. A layer's commit point is the rename of its record (`layerdb`); the
driver's directory is filled before. A killed engine's half-made layers go when the next one opens the store.

Who uses a layer is derived, never counted: its children are here, images and containers are asked for through
`add_user`. While a `transaction` is open nothing is removed, so what `register` gave (or found) stays
until the image that needs it is there.
"""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

from seaway.base.errors import InvalidParameter, NotFound
from seaway.base.failpoints import failpoint
from seaway.base.idmap import NO_SHIFT, IdMap
from seaway.base.ids import is_full_id, new_id
from seaway.base.locks import KeyedLocks
from seaway.content.compression import Compressed
from seaway.kernel.worker import run_blocking
from seaway.layers.chain import MAX_DEPTH, MaxDepthExceeded
from seaway.layers.chain import chain_id as chain_id_of
from seaway.layers.driver import StorageDriver
from seaway.layers.layerdb import Layer, LayerDb
from seaway.layers.transfer import TarSource, compress, ingest, reassemble
from seaway.oci.digest import Digest

UNPACKING = max(2, os.cpu_count() or 1)
"""How many layers at once: more would only take the processors from one another."""


class NoSuchLayer(NotFound):
    def __init__(self) -> None:
        super().__init__("layer does not exist")


class DiffIdMismatch(InvalidParameter):
    def __init__(self, expected: Digest, actual: Digest) -> None:
        self.expected, self.actual = expected, actual
        super().__init__(f"layers from manifest don't match image configuration: expected {expected}, got {actual}")


class LayerStore:
    """`root` is dockerd's `image/<driver>`; the records are in its `layerdb`. Files have the owners of `ids` on
    disk, and the containers' own in a tar."""

    def __init__(self, root: Path, driver: StorageDriver, ids: IdMap = NO_SHIFT) -> None:
        self.db = LayerDb(root / "layerdb")
        self.driver, self.ids = driver, ids
        self._layers = {layer.chain_id: layer for layer in self.db.layers()}
        self._locks = KeyedLocks()
        self._users: list[Callable[[], Iterable[Digest]]] = []
        self._transactions = 0
        self._unpacking = asyncio.Semaphore(UNPACKING)
        self._released: list[Digest] = []
        self._pending: set[Digest] = set()

    async def restore(self) -> None:
        """Remove what a killed engine left half-made. Call it once, before anything else."""
        for write_set, cache_id in list(self.db.unfinished()):
            unfinished = (cache_id, f"{cache_id}-init") if is_full_id(cache_id) else ()
            await self.undo(write_set, *unfinished)

    async def close(self) -> None:
        """Wait for the space that is still being freed in the background."""
        await self.driver.close()

    def add_user(self, in_use: Callable[[], Iterable[Digest]]) -> None:
        """`in_use` gives the chain IDs that must stay: the images' tops, and what containers stand on."""
        self._users.append(in_use)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        self._transactions += 1
        try:
            yield
        finally:
            self._transactions -= 1
            if not self._transactions:
                released, self._released = self._released, []
                for chain in released:
                    await self.release(chain)
                await self._settle()

    async def sweep(self) -> None:
        """Remove the layers whose image a killed engine did not come to make. Once, when their users are known."""
        pending = await run_blocking(self.db.pending)
        self._pending.update(pending)
        for chain in pending:
            await self.release(chain)
        await self._settle()

    async def sync(self, chain_id: Digest) -> None:
        """Before something is written that needs the layer: the records of new ones on disk, with one flush for all."""
        new = [layer.chain_id for layer in self.stack(chain_id) if layer.chain_id in self._pending]
        if new:
            await run_blocking(self.db.sync_layers, new)

    async def mark_going(self, chain_id: Digest) -> None:
        """What uses it is about to go: should the engine be killed before `release`, the next one finishes that."""
        for layer in list(self.stack(chain_id)):
            self._pending.add(layer.chain_id)
            await run_blocking(self.db.mark_pending, layer.chain_id)

    async def _settle(self) -> None:
        """What something uses now is not pending any more."""
        settled = {chain for chain in self._pending if chain not in self._layers or self._is_used(chain)}
        self._pending -= settled
        for chain in settled:
            await run_blocking(self.db.settle, chain)

    def get(self, chain_id: Digest) -> Layer:
        try:
            return self._layers[chain_id]
        except KeyError:
            raise NoSuchLayer from None

    def find(self, chain: Digest) -> Layer | None:
        return self._layers.get(chain)

    def all(self) -> list[Layer]:
        return list(self._layers.values())

    def stack(self, chain: Digest | None) -> Iterator[Layer]:
        """The layer and those below it, nearest first."""
        while chain is not None:
            layer = self.get(chain)
            yield layer
            chain = layer.parent

    async def register(
        self,
        source: TarSource,
        parent: Digest | None,
        diff_id: Digest | None = None,
        below: asyncio.Event | None = None,
    ) -> Layer:
        """Take a tar in, compressed or not, unless the layer is there. With a `diff_id` the tar must have it.

        `below` says that the parent is being registered too, and is set when that is done: where the driver can do it,
        the tar is unpacked meanwhile. Raises BadLayer, DiffIdMismatch, MaxDepthExceeded, StorageError, or what the
        source raises, and leaves nothing.
        """
        if diff_id and (known := self._layers.get(chain_id_of(parent, diff_id))):
            return known
        is_free = below is not None and self.driver.whiteouts == "overlay"
        if not is_free:
            await self._wait_for_parent(parent, below)
        cache_id = new_id()
        write_set = await run_blocking(self.db.begin, cache_id)
        committed = False
        try:
            failpoint("layer: begun")
            await self.driver.create(cache_id, self.get(parent).cache_id if parent and not is_free else None)
            async with self._unpacking:
                split = write_set / "tar-split.json.gz"
                done = await ingest(source, self.driver.layer_dir(cache_id), split, self.driver.whiteouts, self.ids)
            failpoint("layer: unpacked")
            if diff_id and done.diff_id != diff_id:
                raise DiffIdMismatch(diff_id, done.diff_id)
            if is_free:
                await self._wait_for_parent(parent, below)
                if parent:
                    await self.driver.put_on(cache_id, self.get(parent).cache_id)
            layer = Layer(chain_id_of(parent, done.diff_id), done.diff_id, parent, cache_id, done.size)
            async with self._locks.hold(layer.chain_id):
                if known := self._layers.get(layer.chain_id):
                    return known
                if parent is not None:
                    self.get(parent)
                await run_blocking(self.db.commit_layer, write_set, layer)
                committed = True
                self._layers[layer.chain_id] = layer
                self._pending.add(layer.chain_id)
                failpoint("layer: committed")
            return layer
        finally:
            if not committed:
                await asyncio.shield(self.undo(write_set, cache_id))

    async def _wait_for_parent(self, parent: Digest | None, below: asyncio.Event | None) -> None:
        if below:
            await below.wait()
        if parent is not None and len(list(self.stack(parent))) >= MAX_DEPTH:
            raise MaxDepthExceeded

    async def undo(self, write_set: Path, *cache_ids: str) -> None:
        """The write set goes last: as long as it is there, `restore` can finish what was begun here."""
        for cache_id in cache_ids:
            await self.driver.remove(cache_id)
        await run_blocking(self.db.abandon, write_set)

    async def release(self, chain_id: Digest) -> None:
        """Remove the layer, and those below it, as far as nothing uses them."""
        if self._transactions:
            self._released.append(chain_id)
            return
        current: Digest | None = chain_id
        while current is not None and (layer := self._layers.get(current)) and not self._is_used(current):
            del self._layers[current]
            await self.undo(await run_blocking(self.db.take_layer, layer), layer.cache_id)
            current = layer.parent
        await self._settle()

    def _is_used(self, chain: Digest) -> bool:
        return any(layer.parent == chain for layer in self._layers.values()) or any(
            chain in in_use() for in_use in self._users
        )

    async def tar_stream(self, chain_id: Digest) -> AsyncGenerator[bytes, None]:
        """The layer's tar, byte for byte as it came in (uncompressed)."""
        layer = self.get(chain_id)
        async with aclosing(reassemble(self.driver.layer_dir(layer.cache_id), self.db.tar_split(chain_id))) as tar:
            async for chunk in tar:
                yield chunk

    async def gzip_stream(self, chain_id: Digest) -> AsyncGenerator[Compressed, None]:
        """The same, compressed: always to the same bytes."""
        layer = self.get(chain_id)
        async with aclosing(compress(self.driver.layer_dir(layer.cache_id), self.db.tar_split(chain_id))) as blob:
            async for piece in blob:
                yield piece

    def image_graph_data(self, chain: Digest) -> dict[str, str]:
        return self.driver.metadata(self.get(chain).cache_id)
