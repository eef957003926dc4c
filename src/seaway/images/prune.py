"""`docker image prune`: delete the images that no container uses, all of them or only the nameless ones."""

from typing import Any

from seaway.base.errors import Conflict, NotFound
from seaway.base.filters import Filters
from seaway.images.catalog import Catalog
from seaway.images.filters import PRUNE_FILTERS, image_filter
from seaway.images.image import Image
from seaway.images.remove import FindUsers, Records, remove_image


class PruneRunning(Conflict):
    def __init__(self) -> None:
        super().__init__("a prune operation is already running")


async def prune_images(catalog: Catalog, users: FindUsers, filters: Filters | None = None) -> dict[str, Any]:
    """Nameless ones only, unless the filter `dangling` is false."""
    filters = filters or Filters()
    filters.validate(PRUNE_FILTERS)
    only_dangling = filters.flag("dangling", default=True)
    wanted = image_filter(filters, catalog.resolve)
    if catalog.pruning.locked():
        raise PruneRunning
    async with catalog.pruning:
        sizes = _layer_sizes(catalog)
        records: Records = []
        for image in catalog.images.all():
            if wanted(image) and not list(users(image.id)):
                records += await _prune(catalog, users, image, only_dangling=only_dangling)
    reclaimed = sum(sizes.get(record.get("Deleted", ""), 0) for record in records)
    catalog.publish("image", "prune", "", {"reclaimed": str(reclaimed)})
    return {"ImagesDeleted": records or None, "SpaceReclaimed": reclaimed}


async def _prune(catalog: Catalog, users: FindUsers, image: Image, *, only_dangling: bool) -> Records:
    names = catalog.references.references(image.id)
    if only_dangling and any(not name.digest for name in names):
        return []
    if not names and catalog.images.children(image.id):
        return []
    records: Records = []
    for name in [str(name) for name in names] or [image.id.hex]:
        try:
            records += await remove_image(catalog, users, name)
        except (Conflict, NotFound):
            # It got a user or went away meanwhile, or a child needs it.
            continue
    return records


def _layer_sizes(catalog: Catalog) -> dict[str, int]:
    chains = {chain for image in catalog.images.all() for chain in image.chain_ids}
    return {str(chain): catalog.layers.get(chain).size for chain in chains}
