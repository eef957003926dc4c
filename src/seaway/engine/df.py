"""`GET /system/df`: what images, containers and volumes take on the disk."""

from collections.abc import Collection
from typing import Any

from seaway.base.errors import InvalidParameter
from seaway.base.filters import Filters
from seaway.engine.context import Engine
from seaway.engine.imageusers import ImageUsers
from seaway.engine.listing import list_containers, with_sizes
from seaway.engine.volumes import VolumeUsage, VolumeVerbs
from seaway.images.catalog import Catalog
from seaway.images.listing import layers_size, list_images

TYPES = ("container", "image", "volume", "build-cache")


async def disk_usage(
    engine: Engine, catalog: Catalog, types: Collection[str] = (), version: tuple[int, int] = (1, 51)
) -> dict[str, Any]:
    """All types, or those that are asked for; a list of another type is null. Raises InvalidParameter."""
    for kind in types:
        if kind not in TYPES:
            raise InvalidParameter(f"unknown object type: {kind}")
    wanted = set(types or TYPES)
    usage: dict[str, Any] = {"LayersSize": 0, "Images": None, "Containers": None, "Volumes": None, "BuildCache": None}
    if "image" in wanted:
        usage["LayersSize"] = layers_size(catalog)
        usage["Images"] = list_images(
            catalog, shared_size=True, users=ImageUsers(engine.containers).of, version=version
        )
    if "container" in wanted:
        listed = list_containers(engine, Filters(), everything=True)
        await with_sizes(engine, listed)
        usage["Containers"] = [summary for _, summary in listed]
    if "volume" in wanted:
        volumes = await VolumeVerbs(engine.mounts, engine.events).usage()
        usage["Volumes"] = [_volume(each) for each in volumes]
    if "build-cache" in wanted:
        usage["BuildCache"] = []
    return usage


def _volume(usage: VolumeUsage) -> dict[str, Any]:
    return usage.volume.to_wire() | {"UsageData": {"RefCount": usage.containers, "Size": usage.size_bytes}}
