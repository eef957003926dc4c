"""`docker commit`: an image made of another one and of what a container changed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from seaway.base import gojson
from seaway.base.clock import now
from seaway.base.dockerversion import DOCKER_VERSION
from seaway.images.catalog import Catalog
from seaway.images.image import HistoryEntry, Image
from seaway.layers.transfer import TarSource
from seaway.model.container import ContainerConfig, words
from seaway.oci.digest import Digest
from seaway.oci.platform import host_platform

EMPTY_TAR = Digest("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef")


@dataclass(frozen=True, slots=True)
class Commit:
    """`config` is the new image's, `container_config` that of the container it was made with."""

    parent: Image | None
    container_id: str
    config: ContainerConfig
    container_config: ContainerConfig
    author: str = ""
    comment: str = ""


async def commit_image(catalog: Catalog, commit: Commit, diff: TarSource, check: Callable[[], None]) -> Image:
    """A container that changed nothing gives an image without a layer of its own. `check` raises where the
    container was not whole any more while it was read."""
    parent = commit.parent
    async with catalog.layers.transaction():
        layer = await catalog.layers.register(diff, parent.chain_id if parent else None)
        try:
            check()
            is_empty = layer.diff_id == EMPTY_TAR
            document = child_document(commit, None if is_empty else layer.diff_id)
            return await catalog.images.create(document, parent.id if parent else None)
        finally:
            await catalog.layers.release(layer.chain_id)


def child_document(commit: Commit, diff_id: Digest | None) -> bytes:
    """The parent's history and layers, and one more of each; sorted as dockerd sorts it."""
    parent, created, host = commit.parent, now(), host_platform()
    entry = HistoryEntry(
        created=created,
        created_by=" ".join(words(commit.container_config.cmd)),
        author=commit.author,
        comment=commit.comment,
        empty_layer=diff_id is None,
    )
    layers = [*(parent.diff_ids if parent else ()), *([diff_id] if diff_id else [])]
    document: dict[str, Any] = {
        "architecture": (parent and parent.architecture) or host.architecture,
        "author": commit.author,
        "config": msgspec.to_builtins(commit.config),
        "container": commit.container_id,
        "container_config": msgspec.to_builtins(commit.container_config),
        "created": created,
        "docker_version": DOCKER_VERSION,
        "history": [msgspec.to_builtins(e) for e in (*(parent.history if parent else ()), entry)],
        "os": (parent and parent.os) or host.os,
        "os.version": parent.os_version if parent else "",
        "rootfs": {"type": "layers", "diff_ids": [str(d) for d in layers]},
        "variant": parent.variant if parent else "",
    }
    optional = ("author", "os.version", "variant")
    return gojson.encode({key: value for key, value in document.items() if value or key not in optional})
