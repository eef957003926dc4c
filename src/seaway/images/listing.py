"""`GET /images/json`: the images with names, and the ones without that nothing was built on."""

from collections import Counter
from typing import Any

from seaway.base.filters import Filters
from seaway.images.catalog import Catalog
from seaway.images.filters import LIST_FILTERS, image_filter, matches_reference
from seaway.images.image import Image
from seaway.images.inspect import ApiVersion, image_size, names_to_wire, unix_time
from seaway.images.remove import FindUsers
from seaway.oci.digest import Digest
from seaway.oci.reference import Reference


def list_images(
    catalog: Catalog,
    filters: Filters | None = None,
    *,
    show_all: bool = False,
    shared_size: bool = False,
    users: FindUsers | None = None,
    version: ApiVersion = (1, 51),
) -> list[dict[str, Any]]:
    """Newest first. `show_all` adds the nameless images that others were built on.

    `SharedSize` and `Containers` are -1 unless they are asked for, by `shared_size` and `users`.
    """
    filters = filters or Filters()
    filters.validate(LIST_FILTERS)
    dangling = filters.flag("dangling") if "dangling" in filters else None
    wanted = image_filter(filters, catalog.resolve)
    names = catalog.references.by_image()
    images = catalog.images.all()
    parents = {image.parent for image in images if image.parent}
    stacks = Counter(chain for image in images for chain in image.chain_ids) if shared_size else Counter()
    summaries = []
    for image in images:
        mine = [r for r in names.get(image.id, []) if matches_reference(filters, r)]
        if wanted(image) and _is_shown(image, mine, parents, dangling, filters, show_all=show_all):
            summaries.append(_to_wire(catalog, image, mine, version))
            if users:
                summaries[-1]["Containers"] = len(list(users(image.id)))
            if shared_size:
                summaries[-1]["SharedSize"] = _shared_size(catalog, image, stacks)
    return sorted(summaries, key=lambda s: s["Created"], reverse=True)


def layers_size(catalog: Catalog) -> int:
    """Bytes of all images' layers, each counted once."""
    chains = {chain for image in catalog.images.all() for chain in image.chain_ids}
    return sum(catalog.layers.get(chain).size for chain in chains)


def _shared_size(catalog: Catalog, image: Image, stacks: Counter[Digest]) -> int:
    return sum(catalog.layers.get(chain).size for chain in image.chain_ids if stacks[chain] > 1)


def _is_shown(
    image: Image, names: list[Reference], parents: set[Any], dangling: bool | None, filters: Filters, *, show_all: bool
) -> bool:
    if dangling and image.id in parents:
        return False
    if not names:
        return dangling is not False and not filters.get("reference") and (show_all or image.id not in parents)
    return not (dangling and any(not name.digest for name in names))


def _to_wire(catalog: Catalog, image: Image, names: list[Reference], version: ApiVersion) -> dict[str, Any]:
    size = image_size(catalog, image)
    wire: dict[str, Any] = {
        "Containers": -1,
        "Created": unix_time(image.created),
        "Id": str(image.id),
        "Labels": image.config.labels,
        "ParentId": str(image.parent or ""),
        **names_to_wire(names),
        "SharedSize": -1,
        "Size": size,
    }
    if version < (1, 44):
        wire["VirtualSize"] = size
    if version < (1, 43) and not names:
        wire |= {"RepoDigests": ["<none>@<none>"], "RepoTags": ["<none>:<none>"]}
    return wire
