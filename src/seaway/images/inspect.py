"""Images as the Engine API shows them: inspect and history. Older API versions see older shapes."""

from typing import Any

import msgspec

from seaway.base.clock import ZERO_TIME, parse_time
from seaway.images.catalog import Catalog
from seaway.images.image import Image
from seaway.model.container import ContainerConfig
from seaway.oci.platform import Platform
from seaway.oci.reference import Reference

ApiVersion = tuple[int, int]
_NEWEST: ApiVersion = (1, 51)
_LEGACY_CONFIG = (
    *("Hostname", "Domainname", "AttachStdin", "AttachStdout", "AttachStderr", "Tty", "OpenStdin", "StdinOnce"),
    *("Image", "NetworkDisabled", "MacAddress", "StopTimeout"),
)


def inspect_image(
    catalog: Catalog, name: str, version: ApiVersion = _NEWEST, platform: Platform | None = None
) -> dict[str, Any]:
    image = catalog.resolve(name, platform)
    size = image_size(catalog, image)
    wire: dict[str, Any] = {
        "Id": str(image.id),
        **names_to_wire(catalog.references.references(image.id)),
        "Parent": str(image.parent or ""),
        "Comment": image.comment,
        "Created": image.created or (ZERO_TIME if version < (1, 44) else ""),
        "DockerVersion": image.docker_version,
        "Author": image.author,
        "Config": config_to_wire(image.config, version),
        "Architecture": image.architecture,
        "Os": image.os,
        "Size": size,
        "GraphDriver": _graph_driver(catalog, image),
        "RootFS": {"Type": "layers"} | ({"Layers": [str(d) for d in image.diff_ids]} if image.diff_ids else {}),
        "Metadata": {"LastTagTime": image.last_tagged or ZERO_TIME},
    }
    if not wire["Created"]:
        del wire["Created"]
    for key, value in (("Variant", image.variant), ("OsVersion", image.os_version)):
        if value:
            wire[key] = value
    if version < (1, 44):
        wire["VirtualSize"] = size
    if version < (1, 45):
        container_config = image.container_config or msgspec.to_builtins(ContainerConfig())
        wire |= {"Container": image.container, "ContainerConfig": container_config}
    return wire


def _graph_driver(catalog: Catalog, image: Image) -> dict[str, Any]:
    data = catalog.layers.image_graph_data(image.chain_id) if image.chain_id else None
    return {"Data": data, "Name": catalog.layers.driver.name}


def config_to_wire(config: ContainerConfig, version: ApiVersion) -> dict[str, Any]:
    wire: dict[str, Any] = msgspec.to_builtins(config)
    if version >= (1, 50):
        for key in _LEGACY_CONFIG:
            wire.pop(key, None)
    return wire


def names_to_wire(references: list[Reference]) -> dict[str, list[str]]:
    return {
        "RepoTags": [r.familiar for r in references if not r.digest],
        "RepoDigests": [r.familiar for r in references if r.digest],
    }


def image_size(catalog: Catalog, image: Image) -> int:
    """Bytes of all its layers, whether or not other images share them."""
    return sum(catalog.layers.get(chain).size for chain in image.chain_ids)


def unix_time(created: str) -> int:
    """Whole seconds since 1970; 0 where the document has no time or none that can be read."""
    try:
        return parse_time(created) // 1_000_000_000
    except ValueError:
        return 0


def image_history(catalog: Catalog, name: str, platform: Platform | None = None) -> list[dict[str, Any]]:
    """Newest first. Only this image and the parents that are still here have an ID; the rest is `<missing>`."""
    image = catalog.resolve(name, platform)
    sizes = iter([catalog.layers.get(chain).size for chain in image.chain_ids])
    entries: list[dict[str, Any]] = [
        {
            "Id": "<missing>",
            "Created": unix_time(entry.created),
            "CreatedBy": entry.created_by,
            "Tags": None,
            "Size": 0 if entry.empty_layer else next(sizes, 0),
            "Comment": entry.comment,
        }
        for entry in image.history
    ]
    entries.reverse()
    known: Image | None = image
    for entry in entries:
        if known is None:
            break
        tags = names_to_wire(catalog.references.references(known.id))["RepoTags"]
        entry |= {"Id": str(known.id), "Tags": tags or None}
        known = catalog.images.get(known.parent) if known.parent else None
    return entries
