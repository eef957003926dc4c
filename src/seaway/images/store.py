"""The images this engine has: dockerd's `imagedb`, read and verified at start, then kept in memory.

    imagedb/
    ├── content/sha256/<id>                 the configuration document; its digest is the name
    └── metadata/sha256/<id>/parent         the image it was built on here
                            /lastUpdated    when it was last tagged

An image holds its layers: the layer store asks which are in use. Create an image in a `transaction` of that store,
open since its layers were found or registered.
"""

import asyncio
import logging
import os
import shutil
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from seaway.base.clock import now
from seaway.base.errors import EngineError, NotFound, SystemFailure
from seaway.base.failpoints import failpoint
from seaway.content.compression import Compressed
from seaway.images.image import Image, parse_image
from seaway.kernel.files import replace_file, replace_file_lazily
from seaway.kernel.worker import run_blocking
from seaway.layers.transfer import TarSource
from seaway.oci.digest import Digest, is_digest, parse_digest, sha256_of

log = logging.getLogger(__name__)


class NoSuchImage(NotFound):
    def __init__(self, name: str) -> None:
        super().__init__(f"No such image: {name}")


class DamagedImage(SystemFailure):
    pass


class Layer(Protocol):
    @property
    def diff_id(self) -> Digest: ...
    @property
    def chain_id(self) -> Digest: ...
    @property
    def size(self) -> int: ...


class NamedDriver(Protocol):
    @property
    def name(self) -> str: ...


class LayerSource(Protocol):
    """What images need of the layer store. Sizes are bytes of the unpacked layer, without its parents.

    Nothing is removed while a `transaction` is open; a layer stays as long as `in_use` names its chain or one on it.
    """

    @property
    def driver(self) -> NamedDriver: ...
    def add_user(self, in_use: Callable[[], Iterable[Digest]], /) -> None: ...
    def transaction(self) -> AbstractAsyncContextManager[None]: ...
    def get(self, chain_id: Digest, /) -> Layer: ...
    async def register(
        self,
        source: TarSource,
        parent: Digest | None,
        diff_id: Digest | None = None,
        below: asyncio.Event | None = None,
        /,
    ) -> Layer: ...
    async def sync(self, chain_id: Digest, /) -> None: ...
    async def mark_going(self, chain_id: Digest, /) -> None: ...
    async def release(self, chain_id: Digest, /) -> object: ...
    def tar_stream(self, chain_id: Digest, /) -> AsyncGenerator[bytes, None]: ...
    def gzip_stream(self, chain_id: Digest, /) -> AsyncGenerator[Compressed, None]: ...
    def image_graph_data(self, chain_id: Digest, /) -> dict[str, str]: ...


class ImageStore:
    def __init__(self, root: Path, layers: LayerSource) -> None:
        """`root` is the directory `imagedb`. An image that is damaged or lacks a layer is logged and left out."""
        self._content, self._metadata = root / "content/sha256", root / "metadata/sha256"
        self._layers = layers
        self._changing = asyncio.Lock()
        for directory in (self._content, self._metadata):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._images = {image.id: image for image in self._read_all()}
        self._sweep_metadata()
        layers.add_user(self._layers_in_use)

    def get(self, image_id: Digest) -> Image:
        try:
            return self._images[image_id]
        except KeyError:
            raise NoSuchImage(image_id) from None

    def all(self) -> list[Image]:
        return list(self._images.values())

    def search(self, prefix: str) -> Image | None:
        """The image whose ID begins so, if there is exactly one. `sha256:` in front is allowed."""
        digits = prefix.removeprefix("sha256:")
        if image := self._images.get(Digest(f"sha256:{digits}")):
            return image
        found = [image for image in self._images.values() if image.id.hex.startswith(digits)]
        return found[0] if digits and len(found) == 1 else None

    def children(self, image_id: Digest) -> list[Image]:
        return [image for image in self._images.values() if image.parent == image_id]

    async def create(self, raw: bytes, parent: Digest | None = None) -> Image:
        """The same document gives the same image. Raises InvalidImage, or what the layer store raises."""
        image = parse_image(raw, parent)
        async with self._changing:
            if existing := self._images.get(image.id):
                return existing
            if image.chain_id:
                self._layers.get(image.chain_id)
                await self._layers.sync(image.chain_id)
            await run_blocking(self._write, image)
            self._images[image.id] = image
        return image

    async def set_parent(self, image_id: Digest, parent: Digest) -> None:
        async with self._changing:
            image = replace(self.get(image_id), parent=parent)
            await run_blocking(self._write_metadata, image_id, "parent", parent)
            failpoint("image: parent changed")
            self._images[image_id] = image

    async def set_tagged_now(self, image_id: Digest) -> None:
        """Remember that the image got a name at this moment."""
        async with self._changing:
            image = replace(self.get(image_id), last_tagged=now())
            await run_blocking(self._write_metadata, image_id, "lastUpdated", image.last_tagged)
            self._images[image_id] = image

    async def delete(self, image_id: Digest) -> list[Digest]:
        """Forget the image, then let go of layers that no other image has: their chain IDs, top first."""
        async with self._changing:
            image = self.get(image_id)
            for child in self.children(image_id):
                await run_blocking(self._remove_metadata, child.id, "parent")
                self._images[child.id] = replace(child, parent=None)
            if image.chain_id:
                await self._layers.mark_going(image.chain_id)
            await run_blocking(self._remove, image_id)
            del self._images[image_id]
        if image.chain_id:
            await self._layers.release(image.chain_id)
        return [chain for chain in reversed(image.chain_ids) if not self.has_layer(chain)]

    def has_layer(self, chain_id: Digest) -> bool:
        try:
            self._layers.get(chain_id)
        except EngineError:
            return False
        return True

    def _layers_in_use(self) -> list[Digest]:
        return [image.chain_id for image in self._images.values() if image.chain_id]

    def _read_all(self) -> list[Image]:
        images = []
        for path in sorted(self._content.iterdir()):
            if path.name.startswith("."):  # it was being written when the engine was killed
                path.unlink()
                continue
            try:
                image = self._read(parse_digest(f"sha256:{path.name}"))
                if image.chain_id:
                    self._layers.get(image.chain_id)
            except (EngineError, OSError) as failure:
                log.error("image %s is left out: %s", path.name, failure)
            else:
                images.append(image)
        return images

    def _sweep_metadata(self) -> None:
        """What a killed engine wrote before an image, or left behind one."""
        for directory in self._metadata.iterdir():
            if not (self._content / directory.name).exists():
                shutil.rmtree(directory, ignore_errors=True)

    def _read(self, image_id: Digest) -> Image:
        raw = (self._content / image_id.hex).read_bytes()
        if sha256_of(raw) != image_id:
            raise DamagedImage(f"failed to verify image: {image_id}")
        parent = self._read_metadata(image_id, "parent")
        return parse_image(
            raw, parse_digest(parent) if is_digest(parent) else None, self._read_metadata(image_id, "lastUpdated")
        )

    def _read_metadata(self, image_id: Digest, name: str) -> str:
        try:
            return (self._metadata / image_id.hex / name).read_text()
        except FileNotFoundError:
            return ""

    def _write(self, image: Image) -> None:
        if image.parent:
            self._write_metadata(image.id, "parent", image.parent)
        failpoint("image: parent written")
        replace_file(self._content / image.id.hex, image.raw)
        failpoint("image: written")

    def _write_metadata(self, image_id: Digest, name: str, text: str) -> None:
        directory = self._metadata / image_id.hex
        directory.mkdir(mode=0o700, exist_ok=True)
        replace_file_lazily(directory / name, text.encode())

    def _remove_metadata(self, image_id: Digest, name: str) -> None:
        (self._metadata / image_id.hex / name).unlink(missing_ok=True)

    def _remove(self, image_id: Digest) -> None:
        os.unlink(self._content / image_id.hex)
        failpoint("image: content gone")
        shutil.rmtree(self._metadata / image_id.hex, ignore_errors=True)
