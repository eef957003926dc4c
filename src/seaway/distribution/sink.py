"""Where a pull puts what it fetched. `images` implements it on top of its stores."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from seaway.oci.digest import Digest
from seaway.oci.manifest import Descriptor


class LayerSink(Protocol):
    """The stores of one pull. A stack of layers is named by its diff IDs, base first.

    `register` may be called before the layer below is there: `below` is set when it is. It may unpack meanwhile. `blob`
    is as the registry has it, compressed perhaps; the sink verifies that its tar's digest is the last diff ID, and
    tells `taken` how many bytes of the blob it has. What was registered but never became part of an image is the
    sink's to release when the pull fails.
    """

    def has_image(self, image_id: Digest) -> bool: ...

    def check_depth(self, layers: int) -> None:
        """Raises where so many layers cannot be stacked."""

    def has_layer(self, diff_ids: Sequence[Digest]) -> bool:
        """Is the layer on top of this stack here? Then it stays at least until the pull ends."""

    async def recognise(self, diff_id: Digest, layer: Descriptor) -> None:
        """The registry calls this layer, which is here already, so."""

    async def register(
        self,
        diff_ids: Sequence[Digest],
        layer: Descriptor,
        blob: Path,
        taken: Callable[[int], None],
        below: asyncio.Event | None,
    ) -> None: ...

    async def create_image(self, config: bytes) -> None:
        """The image whose ID is the digest of `config`; all its layers are registered."""
