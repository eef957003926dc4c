"""The build cache of the classic builder: which image an instruction would give, because it gave it before. Pure but
for the catalogue that it asks.
"""

from collections.abc import Iterable

import msgspec

from seaway.base import gojson
from seaway.images.catalog import Catalog
from seaway.images.filters import time_ns
from seaway.images.image import Image
from seaway.model.container import ContainerConfig
from seaway.oci.digest import Digest
from seaway.oci.platform import Platform


def find_cached(
    catalog: Catalog, parent: Digest | None, config: ContainerConfig, platform: Platform | None = None
) -> Image | None:
    """The newest image on `parent` (None: `FROM scratch`) that was made by a container of this configuration."""
    siblings = [i for i in catalog.images.all() if i.parent == parent]
    return newest_match(siblings, config, platform)


def newest_match(images: Iterable[Image], config: ContainerConfig, platform: Platform | None = None) -> Image | None:
    matching = [
        image
        for image in images
        if image.container_config is not None
        and is_same_step(gojson.convert(image.container_config, ContainerConfig), config)
        and (platform is None or image.platform.satisfies(platform))
    ]
    return max(matching, key=time_ns, default=None)


def is_same_step(one: ContainerConfig, other: ContainerConfig) -> bool:
    """Whether both would make the same of an image: their names and that of the image do not matter. What reads from
    a terminal is never the same."""
    return not (one.open_stdin or other.open_stdin) and _step(one) == _step(other)


def _step(config: ContainerConfig) -> dict[str, object]:
    named = msgspec.structs.replace(config, hostname="", domainname="", image="")
    return {name: value for name, value in msgspec.to_builtins(named).items() if value}
